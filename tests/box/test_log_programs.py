"""What real programs leave in the log, beside real systemd with journald: whichever way they log.

Both sides boot the same image, real systemd with all capabilities, ours with those of a container. Each row is
something that a person does with a program; what `journalctl` and `systemctl status` tell of it afterwards must be the
same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.box import rootfs
from tests.box.harness import Box
from tests.conformance.normalise import normalise

# One message of the log a line, without what differs from run to run.
SHOW = r"""\
import json, re, sys
VOLATILE = (
    (r"\b[0-9A-F]{6,12}: ", "QUEUE-ID: "), (r"port [1-9]\d{3,}", "port PORT"), (r"SHA256:\S+", "SHA256:KEY"),
    (r"\(\d+\)", "(NUMBER)"), (r"message-id=<[^>]+>", "message-id=<ID>"), (r"delays?=[\d./]+", "delay"),
    (r"\b127.0.0.1:\d{5}", "127.0.0.1:PORT"), (r"\[\d\d/\w{3}/[\d:.]*\]", "[DATE]"), (r"\b\d+ms\b", "SPAN"),
    (r"\[\d+\]:", "[PID]:"), (r'x-pid="\d+"', "x-pid"), (r"^\w{3} [ \d]\d \d\d:\d\d:\d\d ", "DATE "),
    (r"\b\d{4}-\d\d-\d\dT\S+ ", "DATE "),
)
NAMES = "_SYSTEMD_UNIT _TRANSPORT _UID SYSLOG_FACILITY PRIORITY SYSLOG_IDENTIFIER MESSAGE".split() + sys.argv[1:]
lines = list(sys.stdin)
if sys.argv[1:] != ["--plain"]:
    # What comes through different sockets has no order.
    records = sorted(map(json.loads, lines), key=lambda it: (it["_TRANSPORT"], it.get("SYSLOG_IDENTIFIER", "")))
    lines = [" ".join(str(record.get(name, "-")) for name in NAMES) for record in records]
for line in lines:
    for pattern, word in VOLATILE:
        line = re.sub(pattern, word, line)
    print(line.rstrip())
"""
HELPERS = """\
await() {
    end=$(($(date +%s) + 10))
    until eval "$1" >/dev/null 2>&1; do [ $(date +%s) -lt $end ] || { echo "in vain: $1"; return; }; sleep 0.02; done
}
show() { python3 /show "$@"; }
begin() { journalctl --sync; MARK=$(date +@%s.%6N); }
since() { journalctl -q --since="$MARK" "$@"; }
# Awaits a text, and shows what was said since the beginning: said TEXT MATCH...
said() {
    text=$1; shift
    await "since $* | grep -q -- '$text'"
    since -o json "$@" | show
}
told() { systemctl status -n "$1" "$2" | sed -n '/^$/,$p' | show --plain; }  # the log that it shows
unit() {  # NAME: runs a script as a service of its own
    printf '[Service]\\nType=oneshot\\nExecStart=/bin/sh /run/%s\\n' "$1" >"/etc/systemd/system/$1.service"
    cat >"/run/$1"
    systemctl daemon-reload
    systemctl start "$1"
    echo "status $?"
}
"""


TRIES = 4


@dataclass(frozen=True)
class Row:
    """What somebody does with a program, and what is looked at then: a shell script, whose output is compared."""

    name: str
    script: str


ROWS = (
    Row(
        "sshd",
        """
        systemctl restart ssh
        mkdir -p /root/.ssh
        [ -e /root/.ssh/id_ed25519 ] || ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
        cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys
        ssh -q -o StrictHostKeyChecking=no root@127.0.0.1 true
        ssh -q -o StrictHostKeyChecking=no nobody@127.0.0.1 true
        ssh -q -o StrictHostKeyChecking=no stranger@127.0.0.1 true
        said 'closed by invalid user' -u ssh
        since -t sshd -o cat | wc -l
        told 4 ssh | sort
        """,
    ),
    Row(
        "cron",
        """
        echo '@reboot echo printed | logger -t job' | crontab -
        systemctl stop cron; rm -f /run/crond.reboot; systemctl start cron
        said 'session closed' -u cron
        said printed -t job
        told 2 cron
        """,
    ),
    Row(
        "sudo and su",
        """
        unit people <<'END'
            sudo -u nobody true
            su -s /bin/true nobody
            exit 0
END
        said 'Deactivated' -u people
        said 'session closed' -t sudo
        said 'session closed' -t su
        """,
    ),
    Row(
        "postfix",
        """
        printf 'Subject: x\\n\\ntext\\n' | sendmail root
        said ': removed' -u postfix@-
        since -u postfix -o cat
        told 3 postfix@-
        """,
    ),
    Row(
        "haproxy",
        """
        sed -i /chroot/d /etc/haproxy/haproxy.cfg  # which needs BindReadOnlyPaths=
        grep -q 'frontend f' /etc/haproxy/haproxy.cfg || cat >>/etc/haproxy/haproxy.cfg <<'END'
frontend f
    bind 127.0.0.1:8080
    mode http
    log global
    option httplog
END
        systemctl restart haproxy
        curl -s http://127.0.0.1:8080/ >/dev/null
        systemctl stop haproxy
        said Stopped -u haproxy | grep -v 'not applied here: BindReadOnlyPaths='
        """,
    ),
    Row(
        "logger",
        """
        logger -t tag -p local3.warning 'a message'
        said message -t tag
        id=MESSAGE_ID=ec7a21d7d2b14a5fa6ea4d3b8f7a5d0c
        printf "MESSAGE=first\\n$id\\nPRIORITY=2\\nMINE=x\\n" | logger --journald
        said first $id
        printf 'one\\ntwo\\n' | logger -t lines --rfc5424
        said two _TRANSPORT=syslog
        """,
    ),
    Row(
        "a script of a package, as mariadb's",
        """
        unit upgrade <<'END'
            set -e
            logger -p daemon.info -i -t upgrade 'Looking for tables to upgrade'
            echo upgraded
END
        said Finished -u upgrade
        told 5 upgrade
        """,
    ),
    Row(
        "systemd-cat",
        """
        systemd-cat -t cat -p warning sh -c 'echo out; echo "<3>err" >&2'
        said err -t cat
        echo piped | systemd-cat -t pipe --level-prefix=false
        said piped -t pipe
        """,
    ),
    Row(
        "systemd.journal",
        r"""
        unit python <<'END'
            python3 -c "
from systemd import journal
import logging
journal.send('sent', PRIORITY='4', MINE='a', OTHER='two\nlines', SYSLOG_IDENTIFIER='py')
journal.send('big', BIG='x' * 1000000)
log = logging.getLogger('x')
log.addHandler(journal.JournalHandler(SYSLOG_IDENTIFIER='handler'))
log.warning('handled')
print('streamed', file=journal.stream('stream', 5))
"
END
        said Finished -u python | sed 's/CODE_FUNC=\S*//'
        since -u python -o json MINE=a | show MINE OTHER CODE_FUNC CODE_FILE
        since --all -u python -o json | python3 -c "
import sys, json
print([len(record['BIG']) for record in map(json.loads, sys.stdin) if record.get('BIG')])"
        """,
    ),
    Row(
        "libsystemd",
        r"""
        unit library <<'END'
            python3 -c "
import ctypes
library = ctypes.CDLL('libsystemd.so.0')
assert library.sd_journal_print(3, b'number %d', 7) == 0
assert library.sd_journal_send(b'MESSAGE=sent', b'PRIORITY=%d', 5, b'WHO=%s', b'me', None) == 0
fd = library.sd_journal_stream_fd(b'fd', 6, 1)
import os
os.write(fd, b'<4>a line\n')
"
END
        said Finished -u library
        said sent WHO=me
        """,
    ),
    # What journal.Send of coreos/go-systemd writes: from a socket that has an address, and, what is too large for that,
    # in a file below /dev/shm that has no name any more.
    Row(
        "Go",
        r"""
        unit go <<'END'
            python3 -c "
import array, os, socket, tempfile
go = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
go.bind('')
lines = b'GO_LINES\n\x07\0\0\0\0\0\0\0one\ntwo\n'
go.sendto(b'PRIORITY=3\nMESSAGE=sent by Go\n' + lines + b'GO_OTHER=x\n', '/run/systemd/journal/socket')
with tempfile.TemporaryFile(dir='/dev/shm', prefix='journal.') as file:
    file.write(b'PRIORITY=6\nMESSAGE=large\nGO_LARGE=' + b'x' * 500000 + b'\n')
    file.flush()
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [file.fileno()]))]
    go.sendmsg([b''], rights, 0, '/run/systemd/journal/socket')
"
END
        said Finished -u go
        since --all -u go -o json | show GO_LINES GO_OTHER GO_LARGE | sed -E 's/x{499999}/(much)/'
        """,
    ),
    # The last one: from here on there is a daemon that gets everything, too.
    Row(
        "rsyslog",
        """
        systemctl stop syslog.socket rsyslog.service
        rm -f /etc/systemd/system/rsyslog.service /etc/systemd/system/syslog.socket /var/log/syslog /var/log/auth.log
        sed -i /imklog/d /etc/rsyslog.conf
        systemctl daemon-reload
        systemctl start rsyslog
        systemctl is-active syslog.socket rsyslog.service
        logger -p user.info 'for both'
        unit both <<'END'
            echo printed
            su -s /bin/true nobody
END
        said Finished -u both
        said 'for both' -t root
        await "grep 'session closed' /var/log/auth.log && grep 'printed' /var/log/syslog"
        cat /var/log/syslog /var/log/auth.log | show --plain | grep -v ' systemd\\[PID\\]: ' | sort
        said Started -u rsyslog
        """,
    ),
)


@pytest.fixture(scope="module")
def boxes() -> Iterator[tuple[Box, Box]]:
    """Both sides, booted: real systemd, and ours."""
    files = {
        "/show": SHOW,
        "/helpers": HELPERS,
        **{f"/etc/systemd/system/{name}": "" for name in ("rsyslog.service", "syslog.socket")},
    }
    real, ours = (Box(packages=rootfs.LOGGING, systemd=systemd, files=files) for systemd in (True, False))
    with real, ours:
        of_both((real, ours), lambda box: box.wait_booted(120))
        yield real, ours


def of_both(boxes: tuple[Box, Box], look: Callable[[Box], str]) -> list[str]:
    """What is seen in each of the boxes, at the same time."""
    with ThreadPoolExecutor(len(boxes)) as pool:
        return list(pool.map(look, boxes))


def seen(row: Row) -> Callable[[Box], str]:
    """What a row shows in a box."""
    script = f". /helpers; cd /; begin\n{row.script}"
    return lambda box: normalise(box.run(["/bin/bash", "-c", script], timeout=60).stdout)


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_programs_leave_in_the_log_what_they_leave_under_systemd(boxes: tuple[Box, Box], row: Row) -> None:
    """A row that differs is tried again: sometimes a sender has gone before journald knows which unit it is of."""
    real = ours = ""
    for _ in range(TRIES):
        real, ours = of_both(boxes, seen(row))
        if ours == real and "in vain: " not in real:
            return
    raise AssertionError(f"--- systemd\n{real}\n--- ours\n{ours}")
