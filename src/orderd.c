/* orderd: the responder. Wires the layers from the configuration, top to bottom, and takes them
 * down again in the reverse order.
 *
 * main() is the only thread that sees signals; everything else runs with all of them blocked. The
 * order of the start matters: the database's lock first (what is started there belongs to a dead
 * process only once we have it), the gateway's ledger and the start pass next, the socket last. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <config.h>

#include "core/clock.h"
#include "core/command.h"
#include "core/config.h"
#include "core/fault_point.h"
#include "core/file.h"
#include "core/log.h"
#include "core/random.h"
#include "db/settings.h"
#include "gateway/simulated.h"
#include "http/fastcgi.h"

#include "api/router.h"
#include "api/routes.h"

/* Everything that lives as long as the process. Zero is "not opened", and closing that is harmless.
 */
struct orderd {
    const char *config_path;
    struct config *config;
    struct fault fault;
    struct keyring *keyring; /* until auth owns it */
    struct hasher *hasher;
    struct gateway *gateway;
    struct payment *payment;
    struct hold *hold;
    struct settle *settle;
    struct app app;
    int listen_fd;
    bool is_socket_ours; /* not handed over */
    struct fastcgi *fastcgi;
};

static int option_int(const struct orderd *orderd, enum config_option option)
{
    return (int)config_int(orderd->config, option);
}

static const char *option_or(
    const struct orderd *orderd, enum config_option option, const char *otherwise)
{
    const char *text = config_text(orderd->config, option);
    return *text ? text : otherwise;
}

static int cores(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (int)count : 1;
}

static int quick_workers(const struct orderd *orderd)
{
    int count = option_int(orderd, OPT_server_quick_workers);
    return count > 0 ? count : cores();
}

static enum err open_log(struct orderd *orderd)
{
    return log_open(
        &(struct log_options){
            .path = config_text(orderd->config, OPT_log_file),
            .level = (enum log_level)config_choice(orderd->config, OPT_log_level),
            .rotate_size = config_int(orderd->config, OPT_log_rotate_size),
            .rotate_count = config_int(orderd->config, OPT_log_rotate_count),
        },
        &orderd->fault);
}

static enum err open_store(struct orderd *orderd)
{
    return store_open(&orderd->app.store,
        &(struct store_options){
            .path = config_text(orderd->config, OPT_database_path),
            .migrations = option_or(orderd, OPT_database_migrations, ORDERD_DATADIR "/sql"),
            .lock_timeout_ms = option_int(orderd, OPT_database_lock_timeout),
            .queue_max = option_int(orderd, OPT_database_queue),
            .group_max = option_int(orderd, OPT_database_group),
            .quick_readers = quick_workers(orderd),
            .shared_readers = option_int(orderd, OPT_database_readers),
        },
        &orderd->fault);
}

static enum err find_cursor_key(struct db *db, void *arg)
{
    return settings_get(db, "cursor_key", arg, CURSOR_KEY_SIZE);
}

static enum err make_cursor_key(struct db *db, void *arg)
{
    return settings_get_or_set(db, "cursor_key", arg, CURSOR_KEY_SIZE);
}

/* Read first: once it is there, neither a full disk nor a tool that writes keeps us from starting.
 */
static enum err load_cursor_key(struct orderd *orderd)
{
    unsigned char *key = orderd->app.cursor_key;
    random_bytes(key, CURSOR_KEY_SIZE);
    int64_t deadline_ms = clock_mono_ms() + option_int(orderd, OPT_database_store_timeout);
    enum err e = store_read(orderd->app.store, -1, find_cursor_key, key, deadline_ms);
    if (e == ERR_NOT_FOUND)
        e = store_write(orderd->app.store, STORE_BEGIN, make_cursor_key, key, deadline_ms);
    return e ? fail(&orderd->fault, e, NULL, "the cursor key cannot be read: %s", err_info(e)->name)
             : ERR_NONE;
}

static enum err open_auth(struct orderd *orderd)
{
    enum err e =
        keyring_open(&orderd->keyring, config_text(orderd->config, OPT_auth_keys), &orderd->fault);
    if (e)
        return e;
    e = hasher_open(&orderd->hasher,
        &(struct password_options){
            .memory_kib = option_int(orderd, OPT_auth_hash_memory),
            .passes = option_int(orderd, OPT_auth_hash_passes),
            .running = option_int(orderd, OPT_auth_hash_running),
            .waiting = option_int(orderd, OPT_auth_hash_waiting),
            .timeout_ms = option_int(orderd, OPT_auth_hash_timeout),
        },
        &orderd->fault);
    if (e)
        return e;
    struct throttle_options throttle = {
        .window_s = option_int(orderd, OPT_auth_throttle_window),
        .pair_max = option_int(orderd, OPT_auth_throttle_pair),
        .address_max = option_int(orderd, OPT_auth_throttle_address),
        .account_max = option_int(orderd, OPT_auth_throttle_account),
        .entries_max = option_int(orderd, OPT_auth_throttle_entries),
    };
    orderd->app.auth = auth_open(orderd->app.store, orderd->hasher, orderd->keyring,
        &(struct auth_options){
            .issuer = config_text(orderd->config, OPT_auth_issuer),
            .audience = config_text(orderd->config, OPT_auth_audience),
            .token_lifetime_s = config_int(orderd->config, OPT_auth_token_lifetime),
            .store_timeout_ms = option_int(orderd, OPT_database_store_timeout),
            .throttle = throttle,
            .trust_days = option_int(orderd, OPT_auth_trust_days),
            .trust_addresses = option_int(orderd, OPT_auth_trust_addresses),
        });
    orderd->keyring = NULL;
    return ERR_NONE;
}

static enum err open_gateway(struct orderd *orderd)
{
    enum err e = simulated_open(&orderd->gateway,
        &(struct simulated_options){
            .ledger = config_text(orderd->config, OPT_gateway_ledger),
            .latency_ms = config_int(orderd->config, OPT_gateway_latency),
            .decline_per_cent = option_int(orderd, OPT_gateway_decline_rate),
            .settle_error_per_cent = option_int(orderd, OPT_gateway_settle_error_rate),
            .garbage_per_cent = option_int(orderd, OPT_gateway_garbage_rate),
            .approve_others = config_choice(orderd->config, OPT_gateway_other_tokens),
        },
        &orderd->fault);
    if (e)
        return e;
    orderd->payment = payment_open(
        orderd->gateway, &(struct payment_options){
                             .permits = option_int(orderd, OPT_gateway_permits),
                             .permit_timeout_ms = option_int(orderd, OPT_gateway_permit_timeout),
                             .timeout_ms = option_int(orderd, OPT_gateway_timeout),
                         });
    return ERR_NONE;
}

static enum err open_orders(struct orderd *orderd)
{
    int store_timeout_ms = option_int(orderd, OPT_database_store_timeout);
    orderd->hold = hold_open(orderd->app.store, store_timeout_ms);
    enum err e = settle_open(&orderd->settle, orderd->app.store, orderd->payment,
        &(struct settle_options){
            .parallel = option_int(orderd, OPT_settle_parallel),
            .retry_first_s = option_int(orderd, OPT_settle_retry_first),
            .retry_max_s = option_int(orderd, OPT_settle_retry_max),
            .capture_days = option_int(orderd, OPT_settle_capture_days),
            .backlog_max = option_int(orderd, OPT_settle_backlog),
            .store_timeout_ms = store_timeout_ms,
            .keep_keys_hours = option_int(orderd, OPT_idempotency_keep),
            .hold = orderd->hold,
        },
        &orderd->fault);
    if (e)
        return e;
    e = relay_open(&orderd->app.relay, orderd->app.store,
        &(struct relay_options){
            .spool = config_text(orderd->config, OPT_spool_path),
            .retry_ms = option_int(orderd, OPT_spool_retry),
            .store_timeout_ms = store_timeout_ms,
            .hold = orderd->hold,
        },
        &orderd->fault);
    orderd->app.store_timeout_ms = store_timeout_ms;
    orderd->app.orders = (struct order_service){
        .store = orderd->app.store,
        .payment = orderd->payment,
        .settle = orderd->settle,
        .relay = orderd->app.relay,
        .store_timeout_ms = store_timeout_ms,
    };
    return e;
}

static enum err open_listener(struct orderd *orderd)
{
    orderd->listen_fd = fastcgi_inherited();
    if (orderd->listen_fd >= 0)
        return ERR_NONE;
    orderd->is_socket_ours = true;
    return fastcgi_listen(config_text(orderd->config, OPT_server_socket),
        option_int(orderd, OPT_server_socket_mode),
        config_text(orderd->config, OPT_server_socket_group),
        option_int(orderd, OPT_server_backlog), &orderd->listen_fd, &orderd->fault);
}

static enum err open_fastcgi(struct orderd *orderd)
{
    enum err e = open_listener(orderd);
    if (e)
        return e;
    return fastcgi_open(&orderd->fastcgi,
        &(struct fastcgi_options){
            .listen_fd = orderd->listen_fd,
            .path = orderd->is_socket_ours ? config_text(orderd->config, OPT_server_socket) : NULL,
            .quick_workers = quick_workers(orderd),
            .slow_workers = option_int(orderd, OPT_server_slow_workers),
            .long_workers = option_int(orderd, OPT_server_long_workers),
            .queue_max = option_int(orderd, OPT_server_queue),
            .connections_max = option_int(orderd, OPT_server_connections),
            .body_max = (size_t)config_int(orderd->config, OPT_server_body_max),
            .read_timeout_ms = option_int(orderd, OPT_server_read_timeout),
            .request_timeout_ms = option_int(orderd, OPT_server_request_timeout),
        },
        &(struct fastcgi_handlers){
            .quick = router_quick,
            .slow = router_slow,
            .overload = router_overload,
            .arg = &orderd->app,
        },
        &orderd->fault);
}

static enum err start(struct orderd *orderd)
{
    enum err (*const steps[])(struct orderd *) = {
        open_store, load_cursor_key, open_auth, open_gateway, open_orders, open_fastcgi};
    orderd->app.documents = documents_open(option_or(orderd, OPT_server_data, ORDERD_DATADIR));
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        enum err e = steps[i](orderd);
        if (e)
            return e;
        FAULT_POINT(orderd_part_opened);
    }
    LOG_INFO("orderd is ready", LOG_TEXT("version", PACKAGE_VERSION), LOG_INT("pid", getpid()));
    return ERR_NONE;
}

/* In the reverse order; what was not opened is skipped. */
static void stop(struct orderd *orderd)
{
    if (orderd->fastcgi)
        fastcgi_close(orderd->fastcgi, option_int(orderd, OPT_server_stop_timeout));
    file_close(&orderd->listen_fd);
    FAULT_POINT(orderd_responder_closed);
    relay_close(orderd->app.relay);
    FAULT_POINT(orderd_relay_closed);
    settle_close(orderd->settle);
    FAULT_POINT(orderd_settle_closed);
    hold_close(orderd->hold);
    payment_close(orderd->payment);
    gateway_close(orderd->gateway);
    auth_close(orderd->app.auth);
    keyring_close(orderd->keyring);
    hasher_close(orderd->hasher);
    store_close(orderd->app.store);
    documents_close(orderd->app.documents);
}

/* What can be taken over while running: the log's level, and the signing keys of the folder that
 * the fresh configuration names. The rest needs a restart. */
static void reload(struct orderd *orderd)
{
    struct fault fault;
    struct config *fresh = NULL;
    struct keyring *keyring = NULL;
    fault_begin(&fault, NULL);
    enum err e = config_open(&fresh, orderd->config_path, NULL, &fault);
    if (!e)
        e = keyring_open(&keyring, config_text(fresh, OPT_auth_keys), &fault);
    if (e) {
        LOG_ERROR("reload refused, nothing has changed", LOG_TEXT("cause", fault.text));
    } else {
        log_set_level((enum log_level)config_choice(fresh, OPT_log_level));
        auth_set_keyring(orderd->app.auth, keyring); /* lives on until we set another */
        LOG_INFO(
            "reloaded: log level and signing keys; other changes take effect at the next start",
            LOG_TEXT("signing_key", keyring_newest(keyring)->name.id));
    }
    config_close(fresh);
}

static void serve(struct orderd *orderd, const sigset_t *signals)
{
    const struct timespec second = {.tv_sec = 1};
    for (;;) {
        int signal = sigtimedwait(signals, NULL, &second);
        if (signal == SIGTERM || signal == SIGINT)
            break;
        if (signal == SIGUSR1)
            log_reopen();
        else if (signal == SIGHUP)
            reload(orderd);
        fastcgi_watch(orderd->fastcgi);
    }
    LOG_INFO("orderd stops");
}

static int run(struct orderd *orderd)
{
    sigset_t signals;
    command_block_signals(&signals);
    enum err e = open_log(orderd);
    if (!e)
        e = start(orderd);
    const char *cause = orderd->fault.text ? orderd->fault.text : err_info(e)->name;
    if (e)
        LOG_ERROR("orderd cannot start", LOG_TEXT("cause", cause));
    if (e && *config_text(
                 orderd->config, OPT_log_file)) /* the log has it, but who starts us looks here */
        (void)fprintf(stderr, "orderd: %s\n", cause);
    if (!e)
        serve(orderd, &signals);
    stop(orderd);
    if (!e)
        LOG_INFO("orderd has stopped");
    log_close();
    return e ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static const struct command_spec spec = {
        .name = "orderd",
        .summary =
            "SIGTERM and SIGINT stop it in order, SIGHUP reloads log level and signing keys,\n"
            "SIGUSR1 reopens the log file. See orderd(8).\n",
    };
    struct orderd orderd = {.listen_fd = -1};
    struct command command;
    int status;
    if (!command_begin())
        return EXIT_FAILURE;
    fault_begin(&orderd.fault, NULL);
    if (command_parse(argc, argv, &spec, &command, &status)) {
        orderd.config = command.config;
        orderd.config_path = command.config_path;
        status = run(&orderd);
    }
    config_close(command.config);
    return status;
}
