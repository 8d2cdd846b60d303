/* The documentation page: reads /openapi.json, shows it, and sends requests that a person has written.
 *
 * Whatever is shown came from a server, so it is data: the page is built from elements and text nodes alone, and
 * no markup is ever made from a string. The token lives in a variable of this module and nowhere else: no
 * storage, no cookie, no address. Only the page's own origin is talked to. */

const DOCUMENT = "/openapi.json";
const LOGIN = "/auth/login";
const PASSWORD = "/auth/password";
const ME = "/auth/me";
const PATIENCE_MS = 60000;

let api; /* the document */

/* ---- elements ---- */

/* Attributes that are functions become listeners, true an empty attribute; false and null leave it out. */
function el(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== ""));
  return element;
}

/* The little of Markdown that the document uses: **strong** and `code`. */
function inline(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
    if (/^`.+`$/s.test(part)) return el("code", null, part.slice(1, -1));
    if (/^\*\*.+\*\*$/s.test(part)) return el("strong", null, part.slice(2, -2));
    return part;
  });
}

function prose(text) {
  return (text ?? "").split(/\n\n+/).filter(Boolean).map((paragraph) => el("p", null, inline(paragraph)));
}

/* A disclosure whose content is made when it is first opened. */
function disclosure(attributes, summary, build) {
  const details = el("details", attributes, el("summary", null, summary));
  details.addEventListener("toggle", () => details.append(build()), { once: true });
  return details;
}

/* One submission at a time. (A disabled button would lose the keyboard's place.) */
function form(name, button, submit, ...children) {
  const listener = async (event) => {
    event.preventDefault();
    if (button.getAttribute("aria-disabled")) return;
    button.setAttribute("aria-disabled", "true");
    await submit();
    button.removeAttribute("aria-disabled");
  };
  return el("form", { class: name, submit: listener }, children, button);
}

let ids = 0;

function labelled(label, hint, input) {
  input.id = `field-${++ids}`;
  const described = hint ? el("span", { class: "hint", id: `${input.id}-hint` }, inline(hint)) : null;
  if (described) input.setAttribute("aria-describedby", described.id);
  return el("div", { class: "field" }, el("label", { for: input.id }, label), input, described);
}

/* ---- schemas ---- */

function resolve(node) {
  if (!node?.$ref) return node;
  const keys = node.$ref.split("/").slice(1).map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
  return resolve(keys.reduce((at, key) => at?.[key], api)) ?? {};
}

/* A schema with its references and its allOf folded into one. */
function flatten(schema) {
  const { $ref, allOf, ...own } = schema;
  const parts = [...($ref ? [resolve(schema)] : []), ...(allOf ?? [])];
  return [...parts.map(flatten), own].reduce(merge, {});
}

function merge(a, b) {
  const out = { ...a, ...b };
  if ("const" in b) delete out.enum;
  if (a.required && b.required) out.required = [...new Set([...a.required, ...b.required])];
  if (a.items && b.items) out.items = { allOf: [a.items, b.items] };
  if (a.properties && b.properties) {
    out.properties = { ...a.properties };
    for (const [name, schema] of Object.entries(b.properties)) {
      out.properties[name] = name in a.properties ? { allOf: [a.properties[name], schema] } : schema;
    }
  }
  return out;
}

function typeText(schema) {
  const sample = "const" in schema ? schema.const : schema.enum?.[0];
  const types = [schema.type ?? (sample === undefined ? "value" : typeof sample)].flat().join(" or ");
  return schema.items ? `${types} of ${typeText(flatten(schema.items))}` : types;
}

function range(min, max, unit) {
  if (min == null && max == null) return null;
  const [low, high] = [min, max].map((value) => value?.toLocaleString("en-GB"));
  const words = low === high ? [low] : low == null ? ["at most", high] : high == null ? ["at least", low] : [low, "to", high];
  return [...words, words.at(-1) === "1" ? unit?.replace(/s$/, "") : unit].filter(Boolean).join(" ");
}

function limits(schema) {
  const shown = (value) => el("code", null, JSON.stringify(value));
  const rules = [
    range(schema.minLength, schema.maxLength, "characters"),
    range(schema.minItems, schema.maxItems, "elements"),
    range(schema.minimum, schema.maximum),
    schema.format ? `format ${schema.format}` : null,
    schema.pattern ? ["pattern ", el("code", null, schema.pattern)] : null,
    "const" in schema ? ["always ", shown(schema.const)] : null,
    schema.enum ? ["one of ", schema.enum.map((value, i) => [i ? ", " : "", shown(value)])] : null,
    "default" in schema ? ["default ", shown(schema.default)] : null,
  ].filter(Boolean);
  return rules.map((rule) => [" · ", rule]);
}

/* Type, limits and words of a value, and what it is made of. */
function valueView(schema, depth) {
  const flat = flatten(schema);
  const choices = flat.oneOf ?? flat.anyOf;
  if (choices) return [prose(flat.description), choicesView(choices, depth + 1)];
  return [el("span", { class: "rules" }, typeText(flat), limits(flat)), prose(flat.description), partsView(flat, depth + 1)];
}

function choicesView(choices, depth) {
  const rows = choices.map((choice) => el("li", null, valueView(choice, depth)));
  return [el("p", null, "One of:"), el("ul", { class: "choices" }, rows)];
}

function partsView(flat, depth) {
  if (depth > 8) return null; /* a schema may hold itself */
  if (flat.items) return partsView(flatten(flat.items), depth);
  if (!flat.properties) return null;
  const members = Object.entries(flat.properties).map(([name, schema]) =>
    memberView(name, "", flat.required?.includes(name), valueView(schema, depth)));
  const closed = flat.additionalProperties === false ? el("li", { class: "hint" }, "Nothing else is allowed.") : null;
  return el("ul", { class: "members" }, members, closed);
}

function memberView(name, place, required, ...rest) {
  const need = required ? el("strong", null, "required") : "optional";
  return el("li", null, el("code", { class: "name" }, name), " ", el("span", { class: "rules" }, place, need, " · "), rest);
}

/* JSON, indented without a change to any of its values: numbers may be larger than JavaScript's. */
function indent(text) {
  let depth = 0;
  const newline = () => "\n" + "  ".repeat(depth);
  return text.replace(/"(?:[^"\\]|\\.)*"|[{[]\s*[}\]]|[{}[\],:]|\s+/gs, (token) => {
    if (token[0] === '"') return token;
    if (!token.trim()) return "";
    if (token.length > 1) return token[0] + token.at(-1);
    if (token === "{" || token === "[") return depth++, token + newline();
    if (token === "}" || token === "]") return depth--, newline() + token;
    return token === "," ? token + newline() : token + " ";
  });
}

function codeBlock(text, label) {
  return el("pre", { tabindex: "0", role: "group", "aria-label": label }, el("code", null, text));
}

/* ---- an operation, to read ---- */

function security(operation) {
  return operation.security ?? api.security ?? [];
}

function whoText(operation) {
  const wanted = security(operation);
  if (!wanted.length) return "No token is needed.";
  const roles = wanted.flatMap((way) => Object.values(way).flat());
  return roles.length ? `Needs a token of role ${roles.join(" or ")}.` : "Needs a token.";
}

function parametersView(parameters) {
  if (!parameters.length) return null;
  const rows = parameters.map(({ name, in: place, required, schema, description }) =>
    memberView(name, `${place} · `, required, valueView(schema ?? {}, 0), prose(description)));
  return [el("h4", null, "Parameters"), el("ul", { class: "members" }, rows)];
}

function headersView(headers) {
  const rows = Object.entries(headers ?? {}).map(([name, header]) => {
    const { schema, description, required } = resolve(header);
    return memberView(name, "", required, valueView(schema ?? {}, 0), prose(description));
  });
  return rows.length ? [el("h5", null, "Headers"), el("ul", { class: "members" }, rows)] : null;
}

function exampleView(name, value) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return [el("h5", null, "Example", name ? [" ", el("code", null, name)] : null), codeBlock(text, "Example")];
}

function contentView(content, title) {
  return Object.entries(content ?? {}).map(([type, media]) => [
    el("h5", null, title, el("code", null, type)),
    el("div", { class: "value" }, valueView(media.schema ?? {}, 0)),
    "example" in media ? exampleView(null, media.example) : null,
    Object.entries(media.examples ?? {}).map(([name, example]) => exampleView(name, resolve(example).value)),
  ]);
}

function answersView(responses) {
  const rows = Object.entries(responses).map(([status, node]) => {
    const response = resolve(node);
    const number = el("strong", { class: status < 400 ? "good" : "bad" }, status);
    const summary = [number, el("span", null, inline(response.description))];
    return disclosure({ class: "answer" }, summary, () =>
      el("div", { class: "inside" }, headersView(response.headers), contentView(response.content, "Body ")));
  });
  return [el("h4", null, "Answers"), rows];
}

function bodyView(body) {
  return body ? [el("h4", null, "Request body"), contentView(body.content, "")] : null;
}

/* ---- the session ---- */

const session = {
  token: null,
  user: null,
  endsAt: null,
  timer: 0,

  begin(answer) {
    this.token = answer.access_token;
    this.user = null;
    this.endsAt = new Date(Date.now() + answer.expires_in * 1000);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.end("The token has expired."), Math.min(this.endsAt - Date.now(), 2 ** 31 - 1));
    const token = this.token;
    return fetch(ME, requestOf("GET", token))
      .then((response) => (response.ok ? response.json() : null))
      .catch(() => null)
      .then((user) => {
        if (token !== this.token) return; /* ended, or another one began */
        this.user = user;
        sessionView("");
      });
  },

  end(message) {
    clearTimeout(this.timer);
    this.token = this.user = this.endsAt = null;
    sessionView(message);
  },
};

function requestOf(method, token, headers, body) {
  const all = new Headers(headers);
  if (token && !all.has("Authorization")) all.set("Authorization", `Bearer ${token}`);
  const signal = AbortSignal.timeout(PATIENCE_MS);
  return { method, headers: all, body, signal, cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer" };
}

async function logIn(username, password) {
  const body = JSON.stringify({ username, password });
  const response = await fetch(LOGIN, requestOf("POST", null, { "Content-Type": "application/json" }, body));
  const answer = await response.json();
  if (response.ok) return session.begin(answer);
  const wait = response.headers.get("Retry-After");
  throw new Error((answer.detail ?? `Status ${response.status}`) + (wait ? ` Wait ${wait} s.` : ""));
}

function loginForm() {
  const username = el("input", { autocomplete: "username", autocapitalize: "none", spellcheck: "false", required: true });
  const password = el("input", { type: "password", autocomplete: "current-password", required: true });
  const button = el("button", null, "Log in");
  const submit = async () => {
    await logIn(username.value, password.value).catch((error) => sessionMessage(error.message));
    password.value = "";
  };
  return form("login", button, submit, labelled("User name", null, username), labelled("Password", null, password));
}

function loggedIn() {
  const name = session.user ? [el("strong", null, session.user.username), ` (${session.user.role})`] : "somebody";
  const out = el("button", { type: "button", click: () => session.end("Logged out.") }, "Log out");
  const end = session.endsAt.toLocaleTimeString();
  return el("div", { class: "login" }, el("p", null, "Logged in as ", name, `; the token ends at ${end}.`), out);
}

function sessionMessage(text) {
  document.getElementById("session-message").textContent = text;
}

function sessionView(message) {
  const place = document.getElementById("session");
  const hadFocus = place.contains(document.activeElement);
  place.replaceChildren(
    el("h2", { id: "session-title", class: "quiet" }, "Session"),
    session.token ? loggedIn() : loginForm(),
    el("p", { id: "session-message", role: "status" }),
  );
  sessionMessage(message);
  if (hadFocus) place.querySelector("button, input").focus();
  document.querySelectorAll(".token-hint").forEach(tokenHint);
}

function tokenHint(place) {
  place.textContent = session.token ? "" : " (nobody is logged in)";
}

/* ---- an operation, to try ---- */

function parameterField(parameter) {
  const { name, required, example, schema } = parameter;
  const hints = required ? { required, value: example } : { placeholder: example ?? schema?.default };
  const input = el("input", { name, autocomplete: "off", autocapitalize: "none", spellcheck: "false", ...hints });
  return { parameter, input, view: labelled([el("code", null, name), ` (${parameter.in})`], null, input) };
}

function textField(label, hint, value, rows) {
  const input = el("textarea", { rows, spellcheck: "false", autocomplete: "off", autocapitalize: "none" });
  input.value = value;
  return { input, view: labelled(label, hint, input) };
}

/* "Name: value" lines; a line without a colon is a name without a value. */
function headerLines(text) {
  return text.split("\n").map((line) => line.trim()).filter(Boolean).map((line) => {
    const [, name, value] = line.match(/^([^:]*):?\s*(.*)$/);
    return [name.trim(), value];
  });
}

function filled(fields, place) {
  return fields.filter(({ parameter, input }) => parameter.in === place && input.value !== "");
}

function target(path, fields) {
  let address = path;
  for (const { parameter, input } of filled(fields, "path")) {
    address = address.replace(`{${parameter.name}}`, () => encodeURIComponent(input.value));
  }
  const query = filled(fields, "query").map(({ input }) => `${input.name}=${encodeURIComponent(input.value)}`);
  return query.length ? `${address}?${query.join("&")}` : address;
}

async function send(url, options) {
  const begun = performance.now();
  const response = await fetch(url, options);
  const text = await response.text();
  return { response, text, ms: performance.now() - begun };
}

function answerView({ response, text, ms }) {
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  const isJson = /[/+]json\b/.test(response.headers.get("Content-Type") ?? "");
  const size = new Blob([text]).size;
  const status = el("strong", { class: response.ok ? "good" : "bad" }, `${response.status} ${response.statusText}`);
  return [
    el("p", null, status, ` in ${ms.toFixed(0)} ms, ${size.toLocaleString("en-GB")} bytes`),
    el("h5", null, "Headers"),
    codeBlock(headers, "Headers of the answer"),
    el("h5", null, text ? "Body" : "No body"),
    text ? codeBlock(isJson ? indent(text) : text, "Body of the answer") : "",
  ];
}

/* What an answer means for the token that this page holds. */
function learn(path, sentToken, { response, text }) {
  const { status } = response;
  if (path === LOGIN && status === 200) session.begin(JSON.parse(text));
  if (!sentToken) return;
  if (path === PASSWORD && status === 204) session.end("The password was changed: log in again.");
  if (status === 401 && text.includes(':invalid-token"')) session.end("The token is no longer valid.");
}

function tryView(path, method, operation, parameters) {
  const fields = parameters.map(parameterField);
  const media = operation.requestBody?.content["application/json"];
  const example = JSON.stringify(media?.example, null, 2);
  const body = media ? textField("Body", null, example, example.split("\n").length + 1) : null;
  const type = media ? "Content-Type: application/json" : "";
  const headers = textField("Further headers", "One a line, `Name: value`.", type, 2);
  const wantsToken = security(operation).length > 0;
  const useToken = el("input", { type: "checkbox", checked: true });
  const hint = el("span", { class: "token-hint" });
  const check = wantsToken ? el("label", { class: "check" }, useToken, " Send the session's token", hint) : null;
  tokenHint(hint);
  const button = el("button", null, "Send");
  const status = el("div", { role: "status" });
  const rest = el("div");

  const submit = async () => {
    status.textContent = "Waiting for the answer …";
    rest.replaceChildren();
    const own = filled(fields, "header").map(({ parameter, input }) => [parameter.name, input.value]);
    try {
      const token = wantsToken && useToken.checked ? session.token : null;
      const sent = [...headerLines(headers.input.value), ...own];
      const options = requestOf(method, token, sent, body?.input.value);
      const answer = await send(target(path, fields), options);
      const [outcome, ...parts] = answerView(answer);
      status.replaceChildren(outcome);
      rest.replaceChildren(...parts);
      learn(path, options.headers.get("Authorization") === `Bearer ${session.token}`, answer);
    } catch (error) {
      status.replaceChildren(el("p", { class: "bad" }, `No answer: ${error.message}`));
    }
  };

  return [
    el("h4", null, "Try it"),
    form("try", button, submit, fields.map((field) => field.view), body?.view, headers.view, check),
    el("div", { class: "tried" }, status, rest),
  ];
}

/* ---- the page ---- */

function operationView({ path, method, operation, shared }) {
  const parameters = [...(shared ?? []), ...(operation.parameters ?? [])].map(resolve);
  const badge = el("span", { class: `method ${method}` }, method.toUpperCase());
  const what = el("span", { class: "what" }, inline(operation.summary));
  const title = el("h3", null, badge, " ", el("code", null, path), " ", what);
  const build = () => el("div", { class: "inside" },
    prose(operation.description),
    el("p", { class: "who" }, whoText(operation)),
    parametersView(parameters),
    bodyView(operation.requestBody),
    answersView(operation.responses),
    tryView(path, method.toUpperCase(), operation, parameters));
  return disclosure({ class: "operation", id: operation.operationId }, title, build);
}

const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

function operationsOf(tag) {
  return Object.entries(api.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]?.tags?.includes(tag.name))
      .map((method) => ({ path, method, operation: item[method], shared: item.parameters })));
}

function openTarget() {
  const details = document.getElementById(location.hash.slice(1));
  if (details?.tagName !== "DETAILS") return;
  details.open = true;
  details.querySelector("summary").focus();
  details.scrollIntoView();
}

function contentsView(tag) {
  const rows = operationsOf(tag).map(({ path, method, operation }) => {
    const link = { href: `#${operation.operationId}`, click: () => setTimeout(openTarget) };
    return el("li", null, el("a", link, `${method.toUpperCase()} ${path}`));
  });
  return el("div", null, el("h2", null, tag.name), el("ul", null, rows));
}

function groupView(tag) {
  return el("section", null, el("h2", null, tag.name), prose(tag.description), operationsOf(tag).map(operationView));
}

function show() {
  const { title, version, summary, description } = api.info;
  const place = (id) => document.getElementById(id);
  document.title = `${title} ${version}`;
  place("title").textContent = document.title;
  place("summary").append(summary ?? "", " ", el("a", { href: DOCUMENT }, "OpenAPI document"));
  const build = () => el("div", { class: "inside" }, prose(description));
  const rules = disclosure({ class: "about" }, "What holds everywhere", build);
  place("contents").replaceChildren(...api.tags.map(contentsView));
  place("main").replaceChildren(rules, ...api.tags.map(groupView));
  sessionView("");
  addEventListener("hashchange", openTarget);
  openTarget();
}

try {
  const response = await fetch(DOCUMENT, { credentials: "omit" });
  if (!response.ok) throw new Error(`status ${response.status}`);
  api = await response.json();
  show();
} catch (error) {
  document.getElementById("loading").textContent = `The document ${DOCUMENT} cannot be read: ${error.message}.`;
}
