"""Varlink interface descriptions: what a method takes, read from the .varlink files that we ship.

The manager checks what strangers send against these descriptions, so that its calls can rely on the
types they were promised. PID 1 imports this, so the tokenizer uses string methods and no `re`, and a description is
parsed when its first call arrives. Grammar: https://varlink.org/Interface-Definition
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PUNCTUATION = ("->", "[]", "(", ")", ",", ":", "?")
_SPACE = " \t\r\n"
_BASIC = ("bool", "int", "float", "string", "object")


class InterfaceError(ValueError):
    """The description is not valid varlink."""


class InvalidParameter(ValueError):
    """A value does not have the declared type. `parameter` says where: "names", "jobs[2].id"."""

    def __init__(self, parameter: str) -> None:
        super().__init__(f"invalid parameter {parameter}")
        self.parameter = parameter


class Type:
    """One type: `kind` is a basic type, or maybe, array, map, struct, enum, name."""

    __slots__ = ("element", "fields", "kind", "name")

    def __init__(
        self, kind: str, element: Type | None = None, fields: dict[str, Type] | None = None, name: str = ""
    ) -> None:
        self.kind = kind
        self.element = element  # of maybe, array, map
        self.fields = fields or {}  # of struct; of an enum the keys count
        self.name = name  # of a reference to a declared type


class Interface:
    """A parsed description: named types, methods as (input, output), errors."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.types: dict[str, Type] = {}
        self.methods: dict[str, tuple[Type, Type]] = {}
        self.errors: dict[str, Type] = {}

    def check(self, value: Any, declared: Type, where: str = "") -> None:
        """Raise InvalidParameter unless the value, as decoded from JSON, has the declared type.

        Members with an optional type may be missing. Members that are not declared are an error.
        """
        kind = declared.kind
        if kind == "maybe":
            if value is not None:
                self.check(value, _element(declared), where)
        elif kind == "name":
            self.check(value, self.types[declared.name], where)
        elif kind == "array":
            if not isinstance(value, list):
                raise InvalidParameter(where)
            for number, item in enumerate(value):
                self.check(item, _element(declared), f"{where}[{number}]")
        elif kind == "map":
            if not isinstance(value, dict):
                raise InvalidParameter(where)
            for key, item in value.items():
                self.check(item, _element(declared), f"{where}[{key}]")
        elif kind == "struct":
            self._check_struct(value, declared, where)
        elif kind == "enum":
            if not isinstance(value, str) or value not in declared.fields:
                raise InvalidParameter(where)
        elif not _is_basic(value, kind):
            raise InvalidParameter(where)

    def _check_struct(self, value: Any, declared: Type, where: str) -> None:
        if not isinstance(value, dict):
            raise InvalidParameter(where or "parameters")
        prefix = where + "." if where else ""
        for name, field in declared.fields.items():
            if name in value:
                self.check(value[name], field, prefix + name)
            elif field.kind != "maybe":
                raise InvalidParameter(prefix + name)
        for name in value:
            if name not in declared.fields:
                raise InvalidParameter(prefix + name)


def _element(declared: Type) -> Type:
    assert declared.element is not None
    return declared.element


def _is_basic(value: Any, kind: str) -> bool:
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "float":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == "string":
        return isinstance(value, str)
    return True  # object: any JSON


def parse(text: str) -> Interface:
    """Parse an interface description. InterfaceError says what was expected and what was found."""
    return _Parser(text).interface()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = _tokenize(text)
        self._position = 0

    def interface(self) -> Interface:
        self._expect("interface")
        interface = Interface(self._next())
        while self._position < len(self._tokens):
            keyword = self._next()
            name = self._word()
            if name in interface.methods or name in interface.types or name in interface.errors:
                raise InterfaceError(f"{name} is declared twice")
            if keyword == "type":
                interface.types[name] = self._type()
            elif keyword == "error":
                interface.errors[name] = self._type()
            elif keyword == "method":
                given = self._type()
                self._expect("->")
                interface.methods[name] = (given, self._type())
            else:
                raise InterfaceError(f"expected type, method or error, found {keyword}")
        _check_references(interface)
        return interface

    def _type(self) -> Type:
        token = self._next()
        if token == "?":
            return Type("maybe", self._type())
        if token == "[]":
            return Type("array", self._type())
        if token == "[string]":
            return Type("map", self._type())
        if token == "(":
            return self._members()
        if token in _BASIC:
            return Type(token)
        if not token[0].isalpha():
            raise InterfaceError(f"expected a type, found {token}")
        return Type("name", name=token)

    def _members(self) -> Type:
        """The inside of parentheses: a struct, or an enum if its members have no types."""
        fields: dict[str, Type] = {}
        kind = "struct"
        if self._peek() == ")":
            self._next()
            return Type(kind)
        while True:
            name = self._word()
            if name in fields:
                raise InterfaceError(f"{name} is declared twice")
            typed = self._peek() == ":"
            if fields and typed != (kind == "struct"):
                raise InterfaceError(f"{name}: members with and without a type")
            if typed:
                self._next()
                fields[name] = self._type()
            else:
                kind = "enum"
                fields[name] = Type("string")
            token = self._next()
            if token == ")":
                return Type(kind, fields=fields)
            if token != ",":
                raise InterfaceError(f"expected , or ), found {token}")

    def _peek(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        if not token:
            raise InterfaceError("unexpected end")
        self._position += 1
        return token

    def _word(self) -> str:
        token = self._next()
        if not token[0].isalpha() or not token.replace("_", "").isalnum():
            raise InterfaceError(f"expected a name, found {token}")
        return token

    def _expect(self, expected: str) -> None:
        token = self._next()
        if token != expected:
            raise InterfaceError(f"expected {expected}, found {token}")


def _tokenize(text: str) -> list[str]:
    tokens = []
    for line in text.split("\n"):
        line = line.partition("#")[0]
        start = 0
        while start < len(line):
            if line[start] in _SPACE:
                start += 1
                continue
            token = _token(line, start)
            tokens.append(token)
            start += len(token)
    return tokens


def _token(line: str, start: int) -> str:
    if line.startswith("[string]", start):
        return "[string]"
    for mark in _PUNCTUATION:
        if line.startswith(mark, start):
            return mark
    end = start
    while end < len(line) and (line[end].isalnum() or line[end] in "_.-") and not line.startswith("->", end):
        end += 1
    if end == start:
        raise InterfaceError(f"unexpected character {line[start]!r}")
    return line[start:end]


def _check_references(interface: Interface) -> None:
    pending = list(interface.types.values()) + list(interface.errors.values())
    for given, returned in interface.methods.values():
        pending += [given, returned]
    while pending:
        declared = pending.pop()
        if declared.kind == "name" and declared.name not in interface.types:
            raise InterfaceError(f"type {declared.name} is not declared")
        pending += declared.fields.values()
        if declared.element is not None:
            pending.append(declared.element)
