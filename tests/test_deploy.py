"""What is shipped for a server: the files agree with each other and with the app, and nginx before two replicas works."""

import asyncio
import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import yaml
from browsing import noise, put_in, shown
from playwright.sync_api import expect
from serving import uvicorn_with, wait_for
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.requests import Request as Asked
from starlette.responses import Response
from starlette.routing import Route
from streamlit import config

import serve
from topformer_viz.server.queue import Queue
from topformer_viz.server.visitors import COOKIE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
HEALTH = "/_stcore/health"
UPLOAD = "/_stcore/upload_file/session/file"


def text(name: str) -> str:
    return (DEPLOY / name).read_text("utf-8")


def found(pattern: str, name: str) -> list[str]:
    return re.findall(pattern, text(name), re.MULTILINE)


def environment() -> dict[str, str]:
    return dict(line.split("=", 1) for line in text("server.env").splitlines() if line and not line.startswith("#"))


PORT = int(environment()["STREAMLIT_SERVER_PORT"])
COMPOSE: dict[str, Any] = yaml.safe_load(text("compose.yaml"))
KUBERNETES: dict[str, dict[str, Any]] = {part["kind"]: part for part in yaml.safe_load_all(text("kubernetes/app.yaml"))}
KUSTOMIZATION: dict[str, Any] = yaml.safe_load(text("kustomization.yaml"))
POD: dict[str, Any] = KUBERNETES["Deployment"]["spec"]["template"]["spec"]


def test_a_full_queue_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    queue, go_on = Queue(bound=2), threading.Event()
    monkeypatch.setattr(serve, "QUEUE", queue)
    monkeypatch.setattr("topformer_viz.server.queue.visitor", lambda: threading.current_thread().name)

    def answer() -> tuple[int, dict[str, int]]:
        response = asyncio.run(serve.ready(None))  # type: ignore[arg-type]
        return response.status_code, json.loads(bytes(response.body))

    sessions = [threading.Thread(target=queue.run, args=(go_on.wait,)) for _ in range(2)]
    try:
        sessions[0].start()
        wait_for(lambda: queue.waiting == 1)
        assert answer() == (200, {"waiting": 1})
        sessions[1].start()
        wait_for(lambda: queue.waiting == 2)
        assert answer() == (503, {"waiting": 2})
    finally:
        go_on.set()
    for session in sessions:
        session.join(60)
    wait_for(lambda: queue.waiting == 0)
    assert answer() == (200, {"waiting": 0})


def test_the_environment_sets_what_streamlit_knows() -> None:
    options = {option.env_var: option for option in config._config_options_template.values()}
    assert environment().keys() <= options.keys()
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))
    protection = [name for name in [*environment(), *settings["server"]] if re.search("(?i)xsrf|cors", name)]
    assert not protection  # as Streamlit has them: on
    assert found(r"client_max_body_size (\d+)m", "nginx/nginx.conf") == [str(settings["server"]["maxUploadSize"])]


def test_the_image_holds_what_runs() -> None:
    copied = [name for line in found("^COPY (.*) [^ ]+$", "Dockerfile") for name in line.split()]
    assert all((ROOT / name).exists() for name in copied)
    let_in = {name.split("/")[0] for name in found("^!(.*)$", "Dockerfile.dockerignore")}
    assert let_in == set(copied)
    run = {
        "app.py",
        "serve.py",
        "pages",
        "static",
        "topformer_viz",
        ".streamlit",
        "requirements.txt",
        "requirements.lock",
    }
    assert run <= set(copied)
    assert not re.search("requirements-dev|chromium|pytest", text("Dockerfile"))
    assert found(r"^EXPOSE (\d+)", "Dockerfile") == [str(PORT)]
    assert f":{PORT}{HEALTH}" in text("Dockerfile")
    assert found("^USER (.*)$", "Dockerfile") == ["10001:10001"]


def test_compose_and_nginx_name_the_same_replicas() -> None:
    replicas = {name: service for name, service in COMPOSE["services"].items() if name != "nginx"}
    addresses = [service["networks"]["inside"]["ipv4_address"] for service in replicas.values()]
    assert found(r"^server (\S+) ", "nginx/replicas.conf") == [f"{address}:{PORT}" for address in addresses]
    assert COMPOSE["networks"]["inside"]["internal"]
    for service in COMPOSE["services"].values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["mem_limit"]
    for service in replicas.values():
        assert set(service["networks"]) == {"inside"}
        assert (DEPLOY / service["env_file"]).exists()
        assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).exists()
    nginx = COMPOSE["services"]["nginx"]
    assert found(r"^listen (\d+);", "nginx/listen.conf") == [nginx["ports"][0].split(":")[1]]
    assert set(yaml.safe_load(text("compose.gpu.yaml"))["services"]) == set(replicas)


def test_kubernetes_asks_what_is_answered() -> None:
    app, nginx = POD["containers"]
    first, *files = re.findall(r'Route\("(.*?)"', (ROOT / "serve.py").read_text("utf-8"))
    assert app["readinessProbe"]["httpGet"]["path"] == first == "/ready"
    assert [route.rpartition("/files/")[1:] for route in files] == [("/files/", "{name}")] * 2
    assert app["livenessProbe"]["httpGet"]["path"] == app["startupProbe"]["httpGet"]["path"] == HEALTH
    assert app["ports"] == [{"name": "app", "containerPort": PORT}]
    assert {app[probe]["httpGet"]["port"] for probe in app if probe.endswith("Probe")} == {"app"}
    assert found(r"^server 127.0.0.1:(\d+);", "kubernetes/replicas.conf") == [str(PORT)]
    assert [str(nginx["ports"][0]["containerPort"])] == found(r"^listen (\d+);", "kubernetes/listen.conf")
    assert app["resources"]["limits"]["memory"] == COMPOSE["services"]["replica1"]["mem_limit"].replace("g", "Gi")
    assert nginx["image"] == COMPOSE["services"]["nginx"]["image"]
    assert nginx["command"] == COMPOSE["services"]["nginx"]["command"]
    for container in POD["containers"]:
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert {mount["name"] for mount in container["volumeMounts"]} <= {volume["name"] for volume in POD["volumes"]}
    patch = yaml.safe_load(text("kubernetes/gpu.yaml"))
    assert patch["metadata"] == KUBERNETES["Deployment"]["metadata"]
    assert patch["spec"]["template"]["spec"]["containers"][0]["name"] == app["name"]


def test_kubernetes_parts_find_each_other() -> None:
    labels = KUBERNETES["Deployment"]["spec"]["template"]["metadata"]["labels"]
    service = KUBERNETES["Service"]["spec"]
    assert service["selector"] == labels
    assert service["ports"][0]["targetPort"] == POD["containers"][1]["ports"][0]["name"]
    backend = KUBERNETES["Ingress"]["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend == {"name": KUBERNETES["Service"]["metadata"]["name"], "port": {"name": service["ports"][0]["name"]}}
    assert KUBERNETES["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    server, nginx = KUSTOMIZATION["configMapGenerator"]
    assert POD["containers"][0]["envFrom"] == [{"configMapRef": {"name": server["name"]}}]
    assert POD["volumes"][-1]["configMap"] == {"name": nginx["name"]}
    assert (
        KUSTOMIZATION["images"][0]["name"] == POD["containers"][0]["image"] == COMPOSE["services"]["replica1"]["image"]
    )
    named = [*KUSTOMIZATION["resources"], *server["envs"], *nginx["files"]]
    assert all((DEPLOY / name).exists() for name in named)
    included = {*found(r"include (\S+);", "nginx/nginx.conf"), "nginx.conf"}
    assert {Path(name).name for name in nginx["files"]} == included


# Live: two replicas and nginx on loopback, with the configuration that is shipped


@dataclass
class Site:
    """nginx's address, and the replicas behind it by theirs."""

    address: str
    replicas: dict[str, subprocess.Popen[bytes]]

    def get(self, path: str = "/", visitor: str = "", **headers: str) -> Any:
        """The response, whatever its status. ``visitor``: the cookie to come with."""
        cookie = {"Cookie": f"{COOKIE}={visitor}"} if visitor else {}
        try:
            return urlopen(Request(self.address + path, headers=cookie | headers), timeout=30)
        except HTTPError as error:
            return error

    def replica_of(self, visitor: str) -> str:
        """The address of the replica that answers this visitor."""
        response = self.get(visitor=visitor)
        assert response.status == 200
        return response.headers["X-Replica"].split(", ")[-1]


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def nginx() -> str:
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        reason = "no nginx found: on Debian, apt-get install nginx-light"
        pytest.fail(reason) if os.environ.get("TOPFORMER_VIZ_NEEDS_NGINX") else pytest.skip(reason)
    return found


def end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()


KINDS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")  # of what nginx would put on disk


@contextmanager
def in_front(folder: Path, replicas: Sequence[int], *changes: tuple[str, str]) -> Iterator[str]:
    """nginx before replicas at these ports, with the shipped configuration but for ``changes``, each a pattern's; its address."""
    command, (port,) = nginx(), free_ports(1)
    shipped = text("nginx/nginx.conf")
    for pattern, instead in changes:
        shipped = re.sub(pattern, instead, shipped)
    (folder / "nginx.conf").write_text(shipped)
    (folder / "replicas.conf").write_text(
        "".join(f"server 127.0.0.1:{each} max_fails=1 fail_timeout=10s;\n" for each in replicas)
    )
    (folder / "listen.conf").write_text(
        f"listen 127.0.0.1:{port};\nadd_header X-Replica $upstream_addr always;\n"
        + "".join(f"{kind}_temp_path {folder}/temp/{kind};\n" for kind in KINDS)
    )
    (folder / "temp").mkdir()
    front = subprocess.Popen([command, "-c", str(folder / "nginx.conf"), "-g", f"pid {folder}/nginx.pid; daemon off;"])
    try:
        wait_for(lambda: front.poll() is not None or (folder / "nginx.pid").exists())
        assert front.poll() is None
        for kind in KINDS:  # what nginx would put on disk fails from here on
            (folder / "temp" / kind).chmod(0)
        yield f"http://127.0.0.1:{port}"
    finally:
        end([front])


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    ports = free_ports(2)
    replicas = {}
    with in_front(tmp_path, ports) as address:
        for each in ports:
            command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "serve.py")]
            command += ["--server.address", "127.0.0.1", "--server.port", str(each)]
            with (tmp_path / f"{each}.log").open("wb") as log:
                replicas[f"127.0.0.1:{each}"] = subprocess.Popen(
                    command, cwd=tmp_path, env=os.environ | environment(), stdout=log, stderr=log
                )
        try:
            deadline = time.monotonic() + 90
            for replica in replicas:
                while True:
                    try:
                        urlopen(f"http://{replica}{HEALTH}", timeout=5)
                        break
                    except OSError:
                        died = [process for process in replicas.values() if process.poll() is not None]
                        logs = "\n".join(path.read_text("utf-8") for path in tmp_path.glob("*.log"))
                        assert not died and time.monotonic() < deadline, logs
                        time.sleep(0.2)
            yield Site(address, replicas)
        finally:
            end(list(replicas.values()))


def half_open(address: str, path: str, headers: dict[str, str], source: str = "127.0.0.1") -> socket.socket:
    """An upload of which one byte has come."""
    host, port = address.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), source_address=(source, 0))
    head = {"host": f"{host}:{port}", "content-length": "1000000"} | headers
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    connection.sendall(f"PUT {path} HTTP/1.1\r\n{lines}\r\n-".encode())
    return connection


def answers(connections: Sequence[socket.socket]) -> list[int]:
    """The status of each that has been answered by now."""
    found = []
    for connection in connections:
        with contextlib.suppress(BlockingIOError):
            found.append(int(connection.recv(12, socket.MSG_PEEK | socket.MSG_DONTWAIT).split()[1]))
    return found


def test_half_open_uploads_are_few_and_others_upload_meanwhile(tmp_path: Path) -> None:
    on_their_way: set[int] = set()

    async def put(request: Asked) -> Response:
        on_their_way.add(id(request))
        try:
            return Response(str(len(await request.body())))
        except ClientDisconnect:
            return Response()
        finally:
            on_their_way.remove(id(request))

    replica = Starlette(routes=[Route("/_stcore/upload_file/{session}/{file}", put, methods=["PUT"])])
    # Connections are counted here: the rates, which would refuse most before, are not in the way.
    with uvicorn_with(replica) as (port, _), in_front(tmp_path, [port], (r"rate=\d+r/.", "rate=9999r/s")) as address:

        @contextmanager
        def attack(cookies: Sequence[str]) -> Iterator[list[int]]:
            held = [half_open(address, UPLOAD, {"Cookie": f"{COOKIE}={cookie}"}) for cookie in cookies]
            wait_for(lambda: len(answers(held)) + len(on_their_way) == len(held))
            yield answers(held)
            for connection in held:
                connection.close()
            wait_for(lambda: not on_their_way)

        def uploads(source: str) -> bool:
            connection = http.client.HTTPConnection(address.removeprefix("http://"), source_address=(source, 0))
            connection.request("PUT", UPLOAD, bytes(5_000_000), {"Cookie": f"{COOKIE}={'b' * 32}"})
            response = connection.getresponse()
            return (response.status, response.read()) == (200, b"5000000")

        with attack(["forged"] * 600) as refused:
            assert refused == [403] * 600
        with attack(["a" * 32] * 600) as refused:
            assert refused == [429] * 596
            assert uploads("127.0.0.1")
        with attack([f"{n:032x}" for n in range(600)]) as refused:  # as many visitors, by their cookies
            assert refused == [429] * 500
            assert uploads("127.0.0.2")


def test_a_location_with_limits_of_its_own_keeps_those_of_the_server() -> None:
    lines = text("nginx/nginx.conf")
    for kind in ("limit_req zone=", "limit_conn "):
        (of_server,) = re.findall(rf"^        ({kind}.*;)$", lines, re.MULTILINE)
        of_locations = [body for body in re.findall(r"(?s)\n        location .*?\n        }", lines) if kind in body]
        assert of_locations and all(of_server in body for body in of_locations)


def test_kubernetes_nginx_waits_for_the_proxys_network(tmp_path: Path) -> None:
    for name in ("nginx/nginx.conf", "kubernetes/listen.conf", "kubernetes/replicas.conf"):
        shutil.copy(DEPLOY / name, tmp_path)

    def check() -> str:
        command = [nginx(), "-t", "-c", str(tmp_path / "nginx.conf"), "-g", f"pid {tmp_path}/nginx.pid;"]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.stderr if done.returncode else ""

    assert 'set_real_ip_from "your-proxys-network' in check()
    listen = text("kubernetes/listen.conf")
    (tmp_path / "listen.conf").write_text(re.sub(r"(?<=set_real_ip_from ).*(?=;)", "10.42.0.0/16", listen))
    assert not check()


def test_a_replica_dies_and_the_others_sessions_live(site: Site, browser: "Browser") -> None:
    of_replica: dict[str, str] = {}
    for _ in range(60):
        visitor = SimpleCookie(site.get().headers["Set-Cookie"])[COOKIE].value
        of_replica[site.replica_of(visitor)] = visitor
        if set(of_replica) == set(site.replicas):
            break
    assert set(of_replica) == set(site.replicas)
    for replica, visitor in of_replica.items():
        again = [site.get(path, visitor) for path in ("/", "/explorer", HEALTH)]
        assert [response.headers["X-Replica"] for response in again] == [replica] * 3
        assert not any(COOKIE in (response.headers["Set-Cookie"] or "") for response in again)
    a, b = of_replica

    complaints: list[str] = []

    def visit(replica: str) -> "Page":
        context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
        context.add_cookies([{"name": COOKIE, "value": of_replica[replica], "url": site.address}])
        page = context.new_page()
        page.on("console", lambda m: complaints.append(m.text) if "Content Security Policy" in m.text else None)
        page.goto(f"{site.address}/lesson")
        shown(page)
        return page

    page_a, page_b = visit(a), visit(b)
    with page_a.expect_request("**/_stcore/upload_file/**") as first:
        put_in(page_a, noise(1601, 1007))
    about = page_a.locator(".run-line")
    expect(about).to_contain_text("1601 × 1007 →", timeout=60_000)

    headers = {name: value for name, value in first.value.all_headers().items() if name != "content-length"}
    path = first.value.url.removeprefix(site.address)
    held: list[socket.socket] = []

    def let_go() -> None:
        for connection in held:
            connection.close()

    def four_of_six(address: str) -> bool:
        """Of six half-open uploads four stand: fewer while the replica has not noticed who went before."""
        let_go()
        time.sleep(0.2)
        held[:] = [half_open(address, path, headers) for _ in range(6)]
        wait_for(lambda: len(answers(held)) >= 2)
        return answers(held) == [429] * 2

    def there_is_room() -> bool:
        connection = http.client.HTTPConnection(a)
        connection.request("PUT", path, b"-", headers)
        return connection.getresponse().status != 429

    # Who uploads too much at once is told so, by nginx or the replica, and goes on.
    wait_for(lambda: four_of_six(site.address))
    page_a.keyboard.press("Escape")
    put_in(page_a, noise(1501, 1007))
    expect(page_a.get_by_test_id("stFileChipIconError").first).to_be_visible()
    wait_for(lambda: four_of_six(f"http://{a}"))
    let_go()
    wait_for(there_is_room)
    page_a.keyboard.press("Escape")
    put_in(page_a, noise(1701, 1007))
    expect(about).to_contain_text("1701 × 1007 →", timeout=60_000)

    site.replicas[b].kill()
    site.replicas[b].wait(15)
    page_a.keyboard.press("Escape")
    page_a.get_by_role("radio", name="中文").click()
    expect(page_a.locator(".brand")).to_have_text("TopFormer 的注意力", timeout=60_000)
    expect(about).to_contain_text("1701 × 1007 →")
    assert site.replica_of(of_replica[a]) == a

    assert site.replica_of(of_replica[b]) == a
    page_b.reload()
    shown(page_b)
    for _ in range(5):
        assert site.replica_of("") == a
    assert site.replicas[a].poll() is None
    assert not complaints
    page_a.context.close()
    page_b.context.close()

    # What nginx says and what it keeps to itself
    headers = site.get().headers
    assert headers["Set-Cookie"].endswith("; HttpOnly; SameSite=Lax")
    assert site.get(**{"X-Forwarded-Proto": "https"}).headers["Set-Cookie"].endswith("; HttpOnly; SameSite=Lax; Secure")
    assert "frame-ancestors 'self'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "camera=(self)" in headers["Permissions-Policy"]
    private = ["/_stcore/metrics", "//_stcore/metrics", "/%5Fstcore/metrics", "/_stcore/agent/openapi.json", "/ready"]
    assert [site.get(path).status for path in private] == [404] * len(private)
    assert json.load(urlopen(f"http://{a}/ready")) == {"waiting": 0}
    static = site.get("/static/manifest.json")
    assert COOKIE not in (static.headers["Set-Cookie"] or "")
    knock = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    assert site.get("/_stcore/stream", Origin="http://elsewhere.example", **knock).status == 403
