"""Main processes that move, with Debian's own packages: servers that replace themselves while they run."""

from __future__ import annotations

from tests.box.harness import Box
from tests.box.test_main_job import SERVERS, show


def test_nginx_is_alive_after_its_scripts_have_upgraded_it() -> None:
    """Like `apt-get install nginx-light` in a running container: one package's script starts nginx, the other one has
    the init script upgrade it on the fly."""
    with Box(packages=SERVERS) as box:
        box.wait_booted()
        box.run("systemctl stop nginx; rm /usr/sbin/policy-rc.d", check=True)
        box.run("dpkg-reconfigure nginx-common", check=True)
        before = show(box, "nginx", "MainPID", "ActiveState", "InvocationID")
        assert before["ActiveState"] == "active"
        box.run("dpkg-reconfigure nginx", check=True)
        main = box.wait_for(lambda: _other_than(before["MainPID"], show(box, "nginx", "MainPID")["MainPID"]))
        (master,) = box.find("nginx: master process")
        assert box.inner_pid(master) == int(main)
        # The same life of the service: it was not restarted.
        assert show(box, "nginx", "MainPID", "ActiveState", "InvocationID") == {**before, "MainPID": main}
        assert "Welcome to nginx" in box.run("curl -s http://127.0.0.1/", check=True).stdout
        box.run("systemctl stop nginx", check=True)
        assert not box.find("nginx:")


def _other_than(before: str, now: str) -> str:
    return now if now not in (before, "0") else ""
