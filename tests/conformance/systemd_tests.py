"""systemd's own tests of the execution environment, as cases.

Debian's package systemd-tests has some 150 unit files, each of which tests itself: it fails if a process was not
given what the unit file asks for. They are read from the package, which is fetched when the cases are asked for. None
of them is kept here. systemd's own program prepares a few files before it runs them, and so does `_PREPARE`.
"""

from __future__ import annotations

from tests.box import rootfs
from tests.box.harness import SYSTEMD_PACKAGES
from tests.conformance.case import UNIT_DIRECTORY, Case, Entry, Step

GROUP = "test-execute/"
# Includes the programs that the unit files run.
PACKAGES = ("acl", "attr", "iproute2", "libcap2-bin", "systemd-tests")
UNIT_FILES = "usr/lib/systemd/tests/testdata/test-execute"
PROPERTIES = ("LoadState", "ActiveState", "SubState", "Result", "ConditionResult", "ExecMainCode", "ExecMainStatus")

# Unit files that are started together, because their programs look for what the others left.
_BEFORE = {
    "exec-dynamicuser-runtimedirectory2.service": "exec-dynamicuser-runtimedirectory1.service",
    "exec-dynamicuser-runtimedirectory3.service": "exec-dynamicuser-runtimedirectory1.service",
    "exec-dynamicuser-statedir-migrate-step2.service": "exec-dynamicuser-statedir-migrate-step1.service",
    "exec-specifier@.service": "",
}
_INSTANCES = {"exec-specifier@.service": "exec-specifier@foo-bar.service"}

_ENVIRONMENT_FILE = r"""VAR1='word1 word2'
VAR2=word3
# comment1

; comment2
 ; # comment3
line without an equal
VAR3='$word 5 6'
VAR4='new
line'
VAR5=password\with\backslashes
"""
_PREPARE = r"""#!/bin/sh
rm -rf /tmp/test-exec* /tmp/thisisasimpletest* /var/test-exec* /var/lib/private/test-* /var/lib/test-*
cd /tmp
mkdir -p test-exec_workingdirectory test-exec_execsearchpath test-exec_privatetmp /var/test-exec-temporaryfilesystem
mkdir -p /home/none /var/lib/private
cp /bin/ls test-exec_execsearchpath/ls_temp
touch test-exec_privatetmp/in-the-way
for name in environmentfile execsearchpath_environmentfile execsearchpath_environmentfile-set; do
    cp /usr/local/share/environment-file test-exec_$name.conf
done
echo PATH=/usr >>test-exec_execsearchpath_environmentfile-set.conf
systemctl unset-environment VAR1 VAR2 VAR3 VAR4 VAR5 PATH
systemctl set-environment VAR1='word1 word2' VAR2=word3 VAR3='$word 5 6' "VAR4=$(printf 'new\nline')" \
    VAR5='passwordwithbackslashes'
"""


def load() -> list[Case]:
    """A case per unit file. Raises BuildError if the package cannot be fetched."""
    layer = rootfs.layers([*SYSTEMD_PACKAGES, *PACKAGES])[0]
    texts = {path.name: path.read_text() for path in sorted((layer / UNIT_FILES).glob("*.service"))}
    if len(texts) < 100:
        raise rootfs.BuildError(f"systemd-tests has only {len(texts)} unit files in /{UNIT_FILES}")
    return [_case(name, texts) for name in texts]


def _case(name: str, texts: dict[str, str]) -> Case:
    unit = _INSTANCES.get(name, name)
    entries = [
        Entry("/usr/local/share/environment-file", _ENVIRONMENT_FILE, link=False, executable=False),
        Entry("/usr/local/bin/prepare-test-execute", _PREPARE, link=False, executable=True),
    ]
    started = [other for other in (_BEFORE.get(name, ""), unit) if other]
    for file in {name, _BEFORE.get(name) or name}:
        entries.append(Entry(f"{UNIT_DIRECTORY}/{file}", texts[file], link=False, executable=False))
    if "path-set" in name or "passenvironment-set" in name:
        prepare = "prepare-test-execute && systemctl set-environment PATH=/usr"
    elif "absent" in name:
        prepare = "prepare-test-execute && systemctl unset-environment VAR1 VAR2 VAR3 VAR4 VAR5"
    else:
        prepare = "prepare-test-execute"
    settled = f'case "$(systemctl is-active {unit})" in active|*ing) false; esac'
    steps = [Step(prepare, ())]
    steps += [Step(f"systemctl start {one} >/dev/null 2>&1; echo $?", ()) for one in started[:-1]]
    steps.append(Step(f"systemctl start {unit} >/dev/null 2>&1", (settled,)))
    return Case(
        GROUP + name.rpartition(".")[0].replace("exec-", "", 1),
        tuple(steps),
        ((unit, PROPERTIES),),
        (),
        tuple(entries),
        needs="execution",
        packages=PACKAGES,
        profile="full",
    )
