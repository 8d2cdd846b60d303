"""What each route costs at several sizes of the database, measured in turns, each size in a home of its own."""

import json
import subprocess

import gauge
import rows
import seeding
import traffic
from goals import Row

CONNECTIONS = 4
LIMIT = 1.25
LEAST = 1000  # orders; with fewer a customer's list is no full page
COLOURS = ["1f77b4", "ff7f0e", "2ca02c", "d62728", "9467bd", "8c564b", "e377c2", "17becf", "000000"]


def routes(home):
    """{name: requests}; each as many as it takes to reach all over the tables."""
    owners = home.order_owners(2000)
    newest = owners[:200]
    last = rows.last_page(home)
    replayed = home.rows("SELECT order_id, user_id FROM idempotency_keys WHERE key LIKE 'SEED-%' ORDER BY order_id"
                         " DESC LIMIT 500")
    return {
        "GET /orders/{id}": traffic.reads(home),
        "GET /orders/ first page": [traffic.get("/orders/?limit=50", home.admin_token)],
        "GET /orders/ last page": [traffic.get(last, home.admin_token)],
        "GET /orders/?user_id": [traffic.get(f"/orders/?limit=50&user_id={user}", home.admin_token)
                                 for user in home.tokens],
        "GET /orders/mine": [traffic.get("/orders/mine?limit=50", token) for token in home.tokens.values()],
        "GET /orders/mine?reference": [
            traffic.get(f"/orders/mine?reference=SEED-{order}", home.tokens[user]) for order, user in newest],
        "GET /auth/me": [traffic.get("/auth/me", token) for token in home.tokens.values()],
        "POST /orders/create replay": [
            traffic.post("/orders/create", json.loads(seeding.body_of(order)), home.tokens[user], key=f"SEED-{order}")
            for order, user in replayed],
        "POST /orders/create": traffic.creates(home),
    }


def make_world(settings, sizes):
    """The Stage with a home for each size, which the caller leaves."""
    world = settings.stage()
    for size in sizes:
        world.add_home(str(size), size)
    world.begin()
    return world


def measure(world, sizes, settings):
    """{route: {size: medians}}"""
    files = {}
    for size in sizes:
        for route, requests in routes(world.homes[str(size)]).items():
            name = "".join(c if c.isalnum() else "-" for c in f"{size}-{route}")
            files.setdefault(route, {})[size] = world.file(name, requests)
    found = {}
    for route, by_size in files.items():
        def one(size, seconds=settings.seconds):
            home = world.homes[str(size)]
            return world.load(str(size), by_size[size], CONNECTIONS, seconds, lambda: rows.wait_until_settled(home))

        for size in sizes:
            one(size, 1)
        found[route] = settings.interleave({size: lambda size=size: one(size) for size in sizes})
    return found


def growth(settings, sizes, report):
    """report(found): for more than the row; may be None."""
    row = Row(f"growth: {CONNECTIONS} connections, " + ", ".join(f"{size:,}" for size in sizes) + " orders")
    with make_world(settings, sizes) as world:
        found = measure(world, sizes, settings)
    for route, samples in found.items():
        for size, sample in samples.items():
            row.add(f"{route} {size:,}", sample)
    for route, samples in found.items():
        for figure, what in (("p50_us", "p50"), ("program_cpu_us", "CPU of orderd")):
            ratio = max(sample[figure] for sample in samples.values()) / samples[sizes[0]][figure]
            if figure == "p50_us":
                row.at_most(f"{route}: {what}, of the smallest", ratio, LIMIT)
            else:
                row.note(f"{route}: {what} {ratio:.2f} times the smallest")
    if report:
        report(found)
    return row


def plot(found, sizes, path):
    """Both figures against size, in an SVG that gnuplot makes."""
    data = "".join(
        f"$route{number} << END\n" + "".join(
            f"{size} {found[route][size]['p50_us']} {found[route][size]['program_cpu_us']}\n" for size in sizes) + "END\n"
        for number, route in enumerate(found))

    def lines(column):
        return ", ".join(
            f"$route{number} using 1:{column} with linespoints pointtype 7 pointsize 0.5"
            f" linecolor rgb '#{COLOURS[number % len(COLOURS)]}' title '{route}' noenhanced"
            for number, route in enumerate(found))

    script = f"""{data}
set terminal svg size 1000,900 dynamic font 'sans-serif,12' background '#ffffff'
set output '{path}'
set multiplot layout 2,1
set logscale x
set logscale y
set grid
set key outside right
set xlabel 'orders in the database'
set format x '%.0f'
set xrange [{sizes[0] * 0.8}:{sizes[-1] * 1.25}]
set ylabel 'p50, microseconds'
plot {lines(2)}
set ylabel 'CPU of orderd, microseconds a request'
plot {lines(3)}
"""
    done = subprocess.run(["gnuplot"], input=script, text=True, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise gauge.CheckFailed(f"gnuplot: {done.stderr}")
