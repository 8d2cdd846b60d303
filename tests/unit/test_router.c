/* The router: the order of checks, the table's columns, and what each handler answers. No FastCGI
 * here: a request is plain data. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/router.h"
#include "api/routes.h"

#include "shop.h"
#include "unit.h"

static struct shop shop;
static struct app app;
static struct request request;
static const char *user_token, *admin_token;

static const char order_body[] = "{\"currency\":\"EUR\",\"items\":[{\"sku\":\"TEA\",\"quantity\":2,"
                                 "\"unit_price\":1295}],\"payment_token\":\"tok_ok\"}";

static const char *token_of(const char *name)
{
    struct access_token token;
    struct context ctx;
    context_begin(&ctx, &shop.arena, "login");
    ck_assert_int_eq(auth_login(shop.auth, &ctx, name, SHOP_PASSWORD, &token), ERR_NONE);
    return arena_printf(&shop.arena, "Bearer %s", token.text);
}

static void open_app(void)
{
    char data[512];
    const char *srcdir = getenv("srcdir");
    shop_open(&shop, NULL);
    snprintf(data, sizeof data, "%s/share", srcdir ? srcdir : ".");
    app = (struct app){
        .store = shop.store,
        .auth = shop.auth,
        .relay = shop.relay,
        .orders = shop.orders,
        .documents = documents_open(data),
        .cursor_key = {1, 2, 3},
        .store_timeout_ms = 5000,
    };
    user_token = token_of("shop");
    admin_token = token_of("admin");
}

static void close_app(void)
{
    documents_close(app.documents);
    shop_close(&shop);
}

static void begin(const char *method, const char *target, const char *token)
{
    char *path = arena_text(&shop.arena, target);
    char *query = strchr(path, '?');
    request_begin(&request, &shop.arena, "request-1");
    request.ctx.worker = 0;
    request.method = method;
    request.path = path;
    request.body = "";
    if (query) {
        *query = '\0';
        request.query = query + 1;
    }
    if (token) {
        request.header[HEADER_AUTHORIZATION] = token;
        request.header_count[HEADER_AUTHORIZATION] = 1;
    }
}

static void set_header(enum header header, const char *value)
{
    request.header[header] = value;
    request.header_count[header]++;
}

static void set_body(const char *body)
{
    request.body = body;
    request.body_len = strlen(body);
    set_header(HEADER_CONTENT_TYPE, "application/json");
}

static int run(void)
{
    if (router_quick(&app, &request) != FASTCGI_ANSWERED)
        router_slow(&app, &request);
    return request.status;
}

static int get(const char *target, const char *token)
{
    begin("GET", target, token);
    return run();
}

static int post(const char *target, const char *token, const char *body)
{
    begin("POST", target, token);
    set_body(body);
    return run();
}

static const char *header_of(const char *name)
{
    for (size_t i = 0; i < request.header_used; i++)
        if (strcmp(request.headers[i].name, name) == 0)
            return request.headers[i].value;
    return "";
}

static bool answers(const char *text)
{
    return strstr(request.out.data, text) != NULL;
}

/* Paths and methods */

START_TEST(unknown_paths_are_not_found)
{
    static const char *const paths[] = {"/", "", "/order", "/orders/007", "/orders/0",
        "/orders/17/", "/orders/+1", "/orders/-1", "/orders/1a", "/orders/9223372036854775808",
        "//orders/17", "/orders/%31", "/Orders/", "/orders/create/", "/auth", "/auth/",
        "/auth/login/", "/docs", "/docs/index.html", "/healthz/", "/orders//mine",
        "/orders/../orders/", "*"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        ck_assert_msg(get(paths[i], admin_token) == 404, "%s: %d", paths[i], request.status);
        ck_assert(answers("urn:orderd:problem:not-found"));
    }
}
END_TEST

START_TEST(other_methods_are_told_which_are_allowed)
{
    static const struct {
        const char *method, *path, *allow;
    } rows[] = {
        {"GET", "/orders/create", "POST"},
        {"HEAD", "/auth/login", "POST"},
        {"POST", "/orders/17", "GET, HEAD"},
        {"DELETE", "/orders/17", "GET, HEAD"},
        {"OPTIONS", "/orders/", "GET, HEAD"},
        {"get", "/orders/", "GET, HEAD"},
        {"PUT", "/auth/me", "GET, HEAD"},
        {"POST", "/healthz", "GET, HEAD"},
        {"", "/orders", "GET, HEAD"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin(rows[i].method, rows[i].path, NULL); /* before the token is looked at */
        ck_assert_int_eq(run(), 405);
        ck_assert_str_eq(header_of("Allow"), rows[i].allow);
        ck_assert(answers("urn:orderd:problem:method-not-allowed"));
    }
}
END_TEST

START_TEST(head_works_wherever_get_does)
{
    begin("HEAD", "/auth/me", user_token);
    ck_assert_int_eq(run(), 200);
    begin("HEAD", "/orders/999", user_token);
    ck_assert_int_eq(run(), 404);
}
END_TEST

START_TEST(list_has_one_alias)
{
    ck_assert_int_eq(get("/orders", admin_token), 200);
    ck_assert_int_eq(get("/orders/", admin_token), 200);
}
END_TEST

/* Who */

START_TEST(every_route_but_the_public_ones_wants_a_token)
{
    for (size_t i = 0; i < route_count; i++) {
        bool is_public =
            strcmp(routes[i].path, "/auth/login") == 0 || (routes[i].flags & ROUTE_IS_BESIDE);
        ck_assert_msg(is_public == (routes[i].access == ACCESS_ANYONE), "%s", routes[i].path);
        if (is_public)
            continue;
        begin(
            routes[i].method, strstr(routes[i].path, "{id}") ? "/orders/1" : routes[i].path, NULL);
        ck_assert_int_eq(run(), 401);
        ck_assert_str_eq(header_of("WWW-Authenticate"), "Bearer realm=\"orderd\"");
    }
}
END_TEST

START_TEST(roles_are_enforced)
{
    ck_assert_int_eq(get("/orders/", user_token), 403);
    ck_assert_ptr_nonnull(strstr(header_of("WWW-Authenticate"), "error=\"insufficient_scope\""));
    ck_assert_int_eq(get("/orders/mine", admin_token), 403);
    ck_assert_int_eq(post("/orders/create", admin_token, order_body), 403);
    ck_assert_int_eq(post("/auth/register", user_token, "{}"), 403);
    ck_assert_int_eq(get("/auth/me", admin_token), 200);
    ck_assert_int_eq(get("/auth/me", user_token), 200);
}
END_TEST

START_TEST(bad_token_is_invalid_and_two_are_none)
{
    ck_assert_int_eq(get("/auth/me", "Bearer a.b.c"), 401);
    ck_assert_ptr_nonnull(strstr(header_of("WWW-Authenticate"), "error=\"invalid_token\""));
    begin("GET", "/auth/me", user_token);
    request.header_count[HEADER_AUTHORIZATION] = 2;
    ck_assert_int_eq(run(), 401);
}
END_TEST

/* A route whose role column was forgotten must answer nobody. */
START_TEST(zero_of_the_role_column_refuses)
{
    ck_assert_int_eq(ACCESS_NOBODY, 0);
    for (size_t i = 0; i < route_count; i++)
        ck_assert_int_ne(routes[i].access, ACCESS_NOBODY);
}
END_TEST

/* Each row breaks one more rule than the one after it; the first in the contract's order is what is
 * told. */
START_TEST(checks_come_in_the_order_of_the_contract)
{
    begin("POST", "/nowhere", NULL);
    ck_assert_int_eq(run(), 404);
    begin("PUT", "/orders/create", NULL);
    ck_assert_int_eq(run(), 405);
    begin("POST", "/orders/create?x=1", NULL);
    ck_assert_int_eq(run(), 401);
    begin("POST", "/orders/create?x=1", admin_token);
    ck_assert_int_eq(run(), 403);
    begin("POST", "/orders/create?x=1", user_token);
    ck_assert_int_eq(run(), 415);
    begin("POST", "/orders/create?x=1", user_token);
    set_body("{");
    ck_assert_int_eq(run(), 400);
    begin("POST", "/orders/create?x=1", user_token);
    set_body("{}");
    set_header(HEADER_IDEMPOTENCY_KEY, "");
    ck_assert_int_eq(run(), 422);
    ck_assert(answers("\"field\":\"x\""));
    ck_assert(answers("\"field\":\"currency\""));
    ck_assert(answers("\"field\":\"Idempotency-Key\""));
}
END_TEST

START_TEST(too_large_a_body_is_413)
{
    begin("POST", "/orders/create", user_token);
    set_header(HEADER_CONTENT_TYPE, "application/json");
    request.body_too_large = true;
    ck_assert_int_eq(run(), 413);
}
END_TEST

START_TEST(media_type_and_coding_are_checked)
{
    begin("POST", "/auth/login", NULL);
    request.body = "{}";
    request.body_len = 2;
    ck_assert_int_eq(run(), 415);
    begin("POST", "/auth/login", NULL);
    set_body("{}");
    request.header_count[HEADER_CONTENT_TYPE] = 2;
    ck_assert_int_eq(run(), 415);
    begin("POST", "/auth/login", NULL);
    set_body("{}");
    set_header(HEADER_CONTENT_ENCODING, "gzip");
    ck_assert_int_eq(run(), 415);
    begin("POST", "/auth/login", NULL);
    set_body("{}");
    set_header(HEADER_CONTENT_ENCODING, "Identity");
    ck_assert_int_eq(run(), 422);
}
END_TEST

START_TEST(idempotency_keys_have_limits)
{
    char key[257];
    memset(key, 'k', 256);
    key[256] = '\0';
    static const char *const bad[] = {"", "a b", "a\tb", "\x7f", "\xc3\xa4"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        begin("POST", "/orders/create", user_token);
        set_body(order_body);
        set_header(HEADER_IDEMPOTENCY_KEY, bad[i]);
        ck_assert_int_eq(run(), 422);
    }
    begin("POST", "/orders/create", user_token);
    set_body(order_body);
    set_header(HEADER_IDEMPOTENCY_KEY, key);
    ck_assert_int_eq(run(), 422);
    begin("POST", "/orders/create", user_token);
    set_body(order_body);
    set_header(HEADER_IDEMPOTENCY_KEY, key);
    request.header_count[HEADER_IDEMPOTENCY_KEY] = 2;
    ck_assert_int_eq(run(), 422);
    key[255] = '\0';
    begin("POST", "/orders/create", user_token);
    set_body(order_body);
    set_header(HEADER_IDEMPOTENCY_KEY, key);
    ck_assert_int_eq(run(), 201);
}
END_TEST

/* Answers */

START_TEST(create_answers_with_the_order_and_where_it_is)
{
    ck_assert_int_eq(post("/orders/create", user_token, order_body), 201);
    ck_assert_str_eq(header_of("Location"), "/orders/1");
    ck_assert_str_eq(header_of("Idempotency-Replayed"), "");
    ck_assert(answers(
        "{\"status\":\"success\",\"order_id\":1,\"order\":{\"id\":1,\"user_id\":1,\"status\":"
        "\"confirmed\",\"currency\":\"EUR\",\"total\":2590,\"reference\":null,\"items\":[{\"sku\":"
        "\"TEA\",\"name\":null,\"quantity\":2,\"unit_price\":1295,\"line_total\":2590}],"
        "\"payment\":{\"id\":\"pay_"));
    ck_assert(answers("\"status\":\"authorized\"}"));
    ck_assert_int_eq(get("/orders/1", user_token), 200);
    ck_assert_int_eq(get("/orders/1", admin_token), 200);
    ck_assert_int_eq(get("/orders/2", user_token), 404);
}
END_TEST

START_TEST(replay_says_so)
{
    begin("POST", "/orders/create", user_token);
    set_body(order_body);
    set_header(HEADER_IDEMPOTENCY_KEY, "key");
    ck_assert_int_eq(run(), 201);
    const char *first = request.out.data;
    begin("POST", "/orders/create", user_token);
    set_body(order_body);
    set_header(HEADER_IDEMPOTENCY_KEY, "key");
    ck_assert_int_eq(run(), 201);
    ck_assert_str_eq(header_of("Idempotency-Replayed"), "true");
    ck_assert_str_eq(header_of("Location"), "/orders/1");
    ck_assert_str_eq(request.out.data, first);
}
END_TEST

START_TEST(declined_payment_tells_its_code)
{
    ck_assert_int_eq(post("/orders/create", user_token,
                         "{\"currency\":\"EUR\",\"items\":[{\"sku\":\"TEA\",\"quantity\":2,\"unit_"
                         "price\":1295}],"
                         "\"payment_token\":\"tok_declined\"}"),
        400);
    ck_assert(answers("\"detail\":\"Payment failed\""));
    ck_assert(answers("\"decline_code\":\"card_declined\""));
    ck_assert(answers("urn:orderd:problem:payment-failed"));
}
END_TEST

START_TEST(order_of_somebody_else_does_not_exist)
{
    struct user user;
    struct registration other = {
        .username = "other", .password = SHOP_PASSWORD, .email = "o@example.com"};
    ck_assert_int_eq(auth_register(shop.auth, &shop.ctx, &other, &user), ERR_NONE);
    ck_assert_int_eq(post("/orders/create", user_token, order_body), 201);
    ck_assert_int_eq(get("/orders/1", token_of("other")), 404);
    ck_assert_int_eq(get("/orders/mine", token_of("other")), 200);
    ck_assert_str_eq(request.out.data, "{\"orders\":[],\"next\":null}");
}
END_TEST

static const char *next_of_page(void)
{
    const char *link = header_of("Link");
    ck_assert(*link == '<');
    char *next = arena_text(&shop.arena, link + 1);
    *strchr(next, '>') = '\0';
    return next;
}

START_TEST(lists_are_walked_by_their_links)
{
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(post("/orders/create", user_token, order_body), 201);
    ck_assert_int_eq(get("/orders/?limit=2", admin_token), 200);
    ck_assert(
        answers("{\"orders\":[{\"id\":5,") && answers("{\"id\":4,") && !answers("{\"id\":3,"));
    const char *second = next_of_page();
    ck_assert_int_eq(get(second, admin_token), 200);
    ck_assert(
        answers("{\"orders\":[{\"id\":3,") && answers("{\"id\":2,") && !answers("{\"id\":1,"));
    ck_assert_int_eq(get(next_of_page(), admin_token), 200);
    ck_assert(answers("{\"orders\":[{\"id\":1,") && answers("\"next\":null"));
    ck_assert_str_eq(header_of("Link"), "");
    /* The limit may change on the way. */
    const char *cursor = strstr(second, "cursor=");
    ck_assert_int_eq(get(arena_printf(&shop.arena, "/orders/?%s", cursor), admin_token), 200);
    ck_assert(answers("{\"id\":3,") && answers("{\"id\":1,"));
}
END_TEST

START_TEST(cursor_is_good_for_its_list_only)
{
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(post("/orders/create", user_token, order_body), 201);
    ck_assert_int_eq(get("/orders/?limit=1", admin_token), 200);
    const char *cursor = strstr(next_of_page(), "cursor=");
    const char *const targets[] = {
        "/orders/?user_id=1&%s", "/orders/?reference=x&%s", "/orders/?%sx"};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        char target[256];
        const char *at = strstr(targets[i], "%s");
        snprintf(
            target, sizeof target, "%.*s%s%s", (int)(at - targets[i]), targets[i], cursor, at + 2);
        ck_assert_int_eq(get(target, admin_token), 422);
        ck_assert(answers("\"field\":\"cursor\""));
    }
    ck_assert_int_eq(get(arena_printf(&shop.arena, "/orders/mine?%s", cursor), user_token), 422);
}
END_TEST

START_TEST(queries_are_checked)
{
    static const struct {
        const char *target, *field;
    } rows[] = {
        {"/orders/?limit=0", "limit"},
        {"/orders/?limit=201", "limit"},
        {"/orders/?limit=05", "limit"},
        {"/orders/?limit=%2B5", "limit"},
        {"/orders/?limit=", "limit"},
        {"/orders/?limit=1&limit=1", "limit"},
        {"/orders/?user_id=0", "user_id"},
        {"/orders/?page=2", "page"},
        {"/orders/?reference=%zz", "reference"},
        {"/orders/?reference=%00", "reference"},
        {"/orders/?reference=%ff", "reference"},
        {"/orders/?cursor=x", "cursor"},
        {"/orders/1?x=1", "x"},
        {"/auth/me?x=1", "x"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert_msg(
            get(rows[i].target, admin_token) == 422, "%s: %d", rows[i].target, request.status);
        ck_assert_msg(answers(arena_printf(&shop.arena, "\"field\":\"%s\"", rows[i].field)), "%s",
            rows[i].target);
    }
    ck_assert_int_eq(get("/healthz?x=1", NULL), 200);
    ck_assert_int_eq(get("/orders/?user_id=9223372036854775807", admin_token), 200);
    ck_assert_str_eq(request.out.data, "{\"orders\":[],\"next\":null}");
}
END_TEST

START_TEST(accounts_are_made_and_used)
{
    ck_assert_int_eq(
        post("/auth/register", admin_token,
            "{\"username\":\"alice\",\"password\":\"correct horse\",\"email\":\"a@example.com\"}"),
        201);
    ck_assert(answers("{\"id\":3,\"username\":\"alice\",\"email\":\"a@example.com\",\"role\":"
                      "\"user\",\"created_at\":\""));
    ck_assert(!answers("horse"));
    ck_assert_int_eq(
        post("/auth/register", admin_token,
            "{\"username\":\"ALICE\",\"password\":\"correct horse\",\"email\":\"b@example.com\"}"),
        409);
    ck_assert(answers("\"errors\":[{\"field\":\"username\""));
    ck_assert_int_eq(
        post("/auth/login", NULL, "{\"username\":\"alice\",\"password\":\"correct horse\"}"), 200);
    ck_assert(answers("{\"access_token\":\"ey") &&
              answers("\"token_type\":\"Bearer\",\"expires_in\":3600}"));
    ck_assert_int_eq(post("/auth/login", NULL, "{\"username\":\"alice\",\"password\":\"x\"}"), 401);
    ck_assert(answers("urn:orderd:problem:invalid-credentials"));
    ck_assert_str_eq(header_of("WWW-Authenticate"), "Bearer realm=\"orderd\"");
    ck_assert_int_eq(post("/auth/password", token_of("alice"),
                         "{\"current_password\":\"correct horse\",\"new_password\":\"new horse\"}"),
        204);
    ck_assert_uint_eq(request.out.len, 0);
}
END_TEST

START_TEST(registrations_have_limits)
{
    static const char *const bodies[] = {
        "{\"username\":\"ab\",\"password\":\"12345678\",\"email\":\"a@b.c\"}",
        "{\"username\":\"a b\",\"password\":\"12345678\",\"email\":\"a@b.c\"}",
        "{\"username\":\"abc\",\"password\":\"1234567\",\"email\":\"a@b.c\"}",
        "{\"username\":\"abc\",\"password\":\"12345678\",\"email\":\"a@b\"}",
        "{\"username\":\"abc\",\"password\":\"12345678\",\"email\":\"a b@c.d\"}",
        "{\"username\":\"abc\",\"password\":\"12345678\",\"email\":\"a@b.c\",\"role\":\"none\"}",
        ("{\"username\":\"abc\",\"password\":\"12345678\",\"email\":\"a@b.c\",\"role\":"
         "\"user\\u0000\"}"),
        "{\"username\":\"abc\",\"password\":\"1234567\\u0000\",\"email\":\"a@b.c\"}",
        "{\"username\":\"abc\",\"password\":\"12345678\",\"email\":\"a@b.c\",\"admin\":true}",
        "[]",
        "null",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        ck_assert_msg(post("/auth/register", admin_token, bodies[i]) == 422, "%s: %d", bodies[i],
            request.status);
    ck_assert_int_eq(shop_rows(&shop, "users"), 2);
}
END_TEST

START_TEST(orders_have_limits)
{
#define ITEM(members)                                                                              \
    "{\"currency\":\"EUR\",\"payment_token\":\"tok_ok\",\"items\":[{" members "}]}"
    static const struct {
        const char *body, *field;
    } rows[] = {
        {ITEM("\"sku\":\"A\",\"quantity\":0,\"unit_price\":1"), "items[0].quantity"},
        {ITEM("\"sku\":\"A\",\"quantity\":10001,\"unit_price\":1"), "items[0].quantity"},
        {ITEM("\"sku\":\"A\",\"quantity\":2.0,\"unit_price\":1"), "items[0].quantity"},
        {ITEM("\"sku\":\"A\",\"quantity\":\"2\",\"unit_price\":1"), "items[0].quantity"},
        {ITEM("\"sku\":\"A\",\"quantity\":1e3,\"unit_price\":1"), "items[0].quantity"},
        {ITEM("\"sku\":\"A\",\"quantity\":1,\"unit_price\":-0"), "items[0].unit_price"},
        {ITEM("\"sku\":\"A\",\"quantity\":1,\"unit_price\":1000000001"), "items[0].unit_price"},
        {ITEM("\"sku\":\"A\",\"quantity\":1,\"unit_price\":18446744073709551617"),
            "items[0].unit_price"},
        {ITEM("\"sku\":\"\",\"quantity\":1,\"unit_price\":1"), "items[0].sku"},
        {ITEM("\"sku\":\"A\\n\",\"quantity\":1,\"unit_price\":1"), "items[0].sku"},
        {ITEM("\"sku\":\"A\",\"quantity\":1,\"unit_price\":1,\"price\":2"), "items[0].price"},
        {"{\"currency\":\"eur\",\"payment_token\":\"t\",\"items\":[{\"sku\":\"A\",\"quantity\":1,"
         "\"unit_price\":1}]}",
            "currency"},
        {"{\"currency\":\"EUR\",\"payment_token\":\"a "
         "b\",\"items\":[{\"sku\":\"A\",\"quantity\":1,\"unit_price\":1}]}",
            "payment_token"},
        {"{\"currency\":\"EUR\",\"payment_token\":\"t\",\"items\":[]}", "items"},
        {"{\"currency\":\"EUR\",\"payment_token\":\"t\",\"items\":[1]}", "items[0]"},
        {"{\"currency\":\"EUR\",\"items\":[{\"sku\":\"A\",\"quantity\":1,\"unit_price\":1}]}",
            "payment_token"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert_msg(post("/orders/create", user_token, rows[i].body) == 422, "%s: %d",
            rows[i].body, request.status);
        ck_assert_msg(answers(arena_printf(&shop.arena, "\"field\":\"%s\"", rows[i].field)), "%s",
            request.out.data);
    }
    ck_assert_int_eq(shop_rows(&shop, "payment_attempts"), 0);
}
END_TEST

/* Beside the API */

START_TEST(health_names_what_does_not_work)
{
    ck_assert_int_eq(get("/healthz", NULL), 200);
    ck_assert_str_eq(request.out.data, "{\"status\":\"ok\"}");
}
END_TEST

START_TEST(metrics_and_documents_are_served)
{
    ck_assert_int_eq(get("/metrics", NULL), 200);
    ck_assert(answers("# TYPE orderd_orders_total counter"));
    ck_assert_int_eq(get("/openapi.json", NULL), 200);
    ck_assert_str_eq(request.content_type, "application/json; charset=utf-8");
    ck_assert_int_eq(get("/docs/", NULL), 200);
    ck_assert_ptr_nonnull(strstr(header_of("Content-Security-Policy"), "default-src 'none'"));
    ck_assert_int_eq(get("/docs/docs.js", NULL), 200);
    ck_assert_int_eq(get("/docs/docs.css", NULL), 200);
}
END_TEST

START_TEST(what_waits_for_no_gateway_is_not_among_those_that_do)
{
    begin("POST", "/auth/login", NULL);
    set_body("{\"username\":\"shop\",\"password\":\"wrong\"}");
    ck_assert_int_eq(router_quick(&app, &request), FASTCGI_SLOW);
    router_slow(&app, &request);
    ck_assert_int_eq(request.status, 401);
}
END_TEST

START_TEST(no_room_is_told_at_once)
{
    begin("POST", "/orders/create", user_token);
    set_body(order_body);
    ck_assert_int_eq(router_quick(&app, &request), FASTCGI_LONG); /* it waits for the gateway */
    router_overload(&app, &request);
    ck_assert_int_eq(request.status, 503);
    ck_assert_str_eq(header_of("Retry-After"), "1");
    ck_assert(answers("urn:orderd:problem:unavailable"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("router");
    TCase *tests = tcase_create("router");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, open_app, close_app);
    tcase_add_test(tests, unknown_paths_are_not_found);
    tcase_add_test(tests, other_methods_are_told_which_are_allowed);
    tcase_add_test(tests, head_works_wherever_get_does);
    tcase_add_test(tests, list_has_one_alias);
    tcase_add_test(tests, every_route_but_the_public_ones_wants_a_token);
    tcase_add_test(tests, roles_are_enforced);
    tcase_add_test(tests, bad_token_is_invalid_and_two_are_none);
    tcase_add_test(tests, zero_of_the_role_column_refuses);
    tcase_add_test(tests, checks_come_in_the_order_of_the_contract);
    tcase_add_test(tests, too_large_a_body_is_413);
    tcase_add_test(tests, media_type_and_coding_are_checked);
    tcase_add_test(tests, idempotency_keys_have_limits);
    tcase_add_test(tests, registrations_have_limits);
    tcase_add_test(tests, orders_have_limits);
    tcase_add_test(tests, queries_are_checked);
    tcase_add_test(tests, cursor_is_good_for_its_list_only);
    tcase_add_test(tests, create_answers_with_the_order_and_where_it_is);
    tcase_add_test(tests, replay_says_so);
    tcase_add_test(tests, declined_payment_tells_its_code);
    tcase_add_test(tests, order_of_somebody_else_does_not_exist);
    tcase_add_test(tests, lists_are_walked_by_their_links);
    tcase_add_test(tests, accounts_are_made_and_used);
    tcase_add_test(tests, health_names_what_does_not_work);
    tcase_add_test(tests, metrics_and_documents_are_served);
    tcase_add_test(tests, no_room_is_told_at_once);
    tcase_add_test(tests, what_waits_for_no_gateway_is_not_among_those_that_do);
    suite_add_tcase(suite, tests);
    return unit_run(suite);
}
