#!/usr/bin/python3
"""The contract's tests again, of what a front server could spoil, behind lighttpd instead of nginx."""

import unittest

import contract
import harness
import lighttpd
from test_contract_everywhere import Methods, Paths, Responses, Tokens
from test_contract_idempotency import Keys, Replays
from test_contract_lists import References
from test_contract_requests import Fields, MediaTypes, Queries, Sizes

CASES = (Methods, Paths, Responses, Tokens, Keys, Replays, References, Fields, MediaTypes, Queries, Sizes)

if __name__ == "__main__":
    contract.ContractTest.make_server = lighttpd.Server
    if not lighttpd.PROGRAM:
        for case in CASES:
            unittest.skip("lighttpd is not installed")(case)
    harness.main()
