"""A connection to the message bus: what goes over it and comes in. Sockets and waiting are the caller's.

The protocol (the D-Bus specification) is the library's, jeepney. Here is what of the bus matters to a service manager:
who owns a name, and which units it asks to be started.
"""

from __future__ import annotations

from jeepney import DBusAddress, HeaderFields, MatchRule, MessageType
from jeepney import bus_messages as messages
from jeepney.auth import Authenticator
from jeepney.wrappers import new_error, new_method_return, new_signal

from systemctl_replacement.process.bus.incoming import BUS, Incoming

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

MANAGER = "org.freedesktop.systemd1"
_ACTIVATOR = "org.freedesktop.systemd1.Activator"

_UNKNOWN_METHOD = "org.freedesktop.DBus.Error.UnknownMethod"
_NO_OWNER = "org.freedesktop.DBus.Error.NameHasNoOwner"
_NOT_HERE = "This init has no interface on D-Bus: use systemctl."

# With more than this unsent, questions of others stay unanswered: they send faster than they read.
_MOST_UNSENT = 1 << 18

_OWNER_NOW, _OWNER_BEFORE = 1, 4  # answers to RequestName


class Connection:
    """What is to be sent is in `unsent`; `receive` is given what has arrived.

    on_owner: told the owner of a watched name, "" for none, and its process, 0 if that is not known; on_activation:
    told a unit that the bus wants to be started; on_trouble: told what the bus refuses; on_ready: the bus has accepted
    us.
    """

    def __init__(
        self,
        on_owner: Callable[[str, str, int], object],
        on_activation: Callable[[str], object],
        on_trouble: Callable[[str], object],
        on_ready: Callable[[], object],
    ) -> None:
        self.unsent = bytearray()
        self._on_owner = on_owner
        self._on_activation = on_activation
        self._on_trouble = on_trouble
        self._on_ready = on_ready
        self._login = Authenticator()
        self._incoming = Incoming()
        self._serial = 0
        self._early = bytearray()  # messages that wait for the end of the login
        self._answers: dict[int, Callable[[Any], object]] = {}  # who is told the answer to which of our calls
        self._watched: dict[str, str] = {}  # names, and who owns them as far as we have heard
        self._go_on_with_login()
        self._call(messages.message_bus.Hello(), self._welcome)

    # --- what is asked of it ---

    def watch(self, name: str) -> None:
        """Tell who owns a name, now and whenever that changes."""
        if name not in self._watched:
            self._watched[name] = ""
            self._call(messages.message_bus.AddMatch(_rule(name)), lambda answer: self._told_if_refused(answer, name))
        self._call(messages.message_bus.GetNameOwner(name), lambda answer: self._owner(name, answer))

    def forget(self, name: str) -> None:
        """Watch a name no more."""
        if name in self._watched:
            del self._watched[name]
            self._call(messages.message_bus.RemoveMatch(_rule(name)), lambda answer: None)

    def own(self) -> None:
        """Be the one whom the bus asks to start units. Where somebody else is, nothing changes."""
        flags = messages.DBusNameFlags.do_not_queue
        self._call(messages.message_bus.RequestName(MANAGER, flags), self._owned)

    def refuse(self, unit: str, error: str, message: str) -> None:
        """A unit that the bus asked for cannot be started: whoever wants it need not wait."""
        emitter = DBusAddress("/org/freedesktop/systemd1", interface=_ACTIVATOR)
        signal = new_signal(emitter, "ActivationFailure", "sss", (unit, error, message))
        signal.header.fields[HeaderFields.destination] = BUS
        self._send(signal)

    # --- going out ---

    def _call(self, message: Any, answered: Callable[[Any], object]) -> None:
        self._answers[self._send(message)] = answered

    def _send(self, message: Any) -> int:
        self._serial += 1
        data = message.serialise(serial=self._serial)
        (self.unsent if self._login.authenticated else self._early).extend(data)
        return self._serial

    def _go_on_with_login(self) -> None:
        self.unsent += self._login.data_to_send() or b""
        if self._login.authenticated:
            self.unsent += b"BEGIN\r\n" + self._early
            self._early.clear()

    # --- coming in ---

    def receive(self, data: bytes) -> None:
        """What the bus has sent. ValueError if it does not let us in."""
        if not self._login.authenticated:
            self._login.feed(data)
            self._go_on_with_login()
            return
        self._incoming.add(data)
        for message in self._incoming.take():
            if isinstance(message, Exception):
                self._on_trouble(f"A message cannot be read: {type(message).__name__}: {message}")
            else:
                self._received(message)

    def _received(self, message: Any) -> None:
        header = message.header
        fields = header.fields
        if header.message_type in (MessageType.method_return, MessageType.error):
            answered = self._answers.pop(fields.get(HeaderFields.reply_serial, 0), None)
            if answered is not None:
                answered(message)
        elif header.message_type is MessageType.method_call:
            self._answer(message)
        else:
            self._heard(fields.get(HeaderFields.interface), fields.get(HeaderFields.member), message.body)

    def _heard(self, interface: str, member: str, body: tuple[Any, ...]) -> None:
        if (interface, member) == (BUS, "NameOwnerChanged") and body[0] in self._watched:
            self._changed(body[0], body[2])
        elif (interface, member) == (_ACTIVATOR, "ActivationRequest"):
            self._on_activation(body[0])

    def _answer(self, call: Any) -> None:
        """Somebody takes us for systemd. An answer at once beats none, which callers await for 25 s."""
        if len(self.unsent) > _MOST_UNSENT:
            return
        fields = call.header.fields
        if (fields.get(HeaderFields.interface), fields.get(HeaderFields.member)) == (f"{BUS}.Peer", "Ping"):
            self._send(new_method_return(call))
        else:
            self._send(new_error(call, _UNKNOWN_METHOD, "s", (_NOT_HERE,)))

    def _welcome(self, answer: Any) -> None:
        if answer.header.message_type is MessageType.error:
            raise ValueError(_text(answer))
        self._on_ready()

    def _owner(self, name: str, answer: Any) -> None:
        if answer.header.message_type is MessageType.method_return:
            self._changed(name, answer.body[0])
        else:
            if answer.header.fields.get(HeaderFields.error_name) != _NO_OWNER:
                self._on_trouble(f"Cannot see who owns {name}: {_text(answer)}")
            self._changed(name, "")

    def _changed(self, name: str, owner: str) -> None:
        """Who owns a name is told with its process, for which the bus has to be asked."""
        if name not in self._watched:
            return
        self._watched[name] = owner
        if not owner:
            self._on_owner(name, "", 0)
            return

        def answered(answer: Any) -> None:
            if self._watched.get(name) == owner:  # or there are younger news
                is_known = answer.header.message_type is MessageType.method_return
                self._on_owner(name, owner, answer.body[0] if is_known else 0)

        self._call(messages.message_bus.GetConnectionUnixProcessID(owner), answered)

    def _told_if_refused(self, answer: Any, name: str) -> None:
        if answer.header.message_type is MessageType.error:
            self._on_trouble(f"Cannot watch {name}: {_text(answer)}")

    def _owned(self, answer: Any) -> None:
        if answer.header.message_type is MessageType.error:
            self._on_trouble(f"Units cannot be started by D-Bus activation: {_text(answer)}")
        elif answer.body[0] not in (_OWNER_NOW, _OWNER_BEFORE):
            self._on_trouble(f"Units cannot be started by D-Bus activation: somebody else is {MANAGER}")


def _rule(name: str) -> Any:
    rule = MatchRule(type="signal", sender=BUS, interface=BUS, member="NameOwnerChanged", path="/org/freedesktop/DBus")
    rule.add_arg_condition(0, name)
    return rule


def _text(error: Any) -> str:
    return str(error.body[0]) if error.body else str(error.header.fields.get(HeaderFields.error_name, "refused"))
