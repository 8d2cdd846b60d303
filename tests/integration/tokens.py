"""Bearer tokens, taken apart and made: good ones and each kind of bad one."""

import base64
import hmac
import json


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def parts_of(token):
    """Header and claims."""
    return [json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2]]


def signed(header, claims, key, digest="sha256"):
    text = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
    return text + "." + base64url(hmac.new(key, text.encode(), digest).digest())


def changed(server, token, **claims):
    """The token with other claims, signed with the server's own key."""
    header, own = parts_of(token)
    key = (server.path / "keys" / (header["kid"] + ".key")).read_bytes()
    return signed(header, {**own, **claims}, key)
