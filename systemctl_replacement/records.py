"""Frozen dataclasses without the cost of `dataclasses`: the same decorator with the same meaning, as far as we need it.

The standard module imports inspect, ast, dis, tokenize, enum and re (1.4 MB and 20 ms in PID 1, which is all that some
commands may take), and compiles six functions for every class. Here nothing is compiled: all records share the same
functions, and a class keeps only the names of its fields with their defaults. Type checkers see the standard decorator.

Supported are `@dataclass` and `@dataclass(frozen=True)`, defaults, `field(default=…, default_factory=…)`, inheritance,
`__post_init__`, `replace`, `fields` and `is_dataclass`. Equality, hash and repr use all fields. The functions of the
standard module accept these records too.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import FrozenInstanceError as FrozenInstanceError
    from dataclasses import dataclass as dataclass
    from dataclasses import field as field
    from dataclasses import fields as fields
    from dataclasses import is_dataclass as is_dataclass
    from dataclasses import replace as replace
else:
    _MISSING = object()
    _set = object.__setattr__

    class FrozenInstanceError(AttributeError):
        """Somebody assigned to a field of a frozen record."""

    class Field:
        """A field: its name, and where its value comes from if none is given."""

        __slots__ = ("default", "default_factory", "name")
        init = True

        def __init__(self, name, default, default_factory=_MISSING) -> None:
            self.name = name
            self.default = default
            self.default_factory = default_factory

        @property
        def _field_type(self):
            # The standard module asks this of a field. Its user has imported it already.
            import dataclasses

            return dataclasses._FIELD

    class _Fields:
        """`__dataclass_fields__`, by which the standard module knows a dataclass: made when somebody asks for it."""

        __slots__ = ()

        def __get__(self, record, cls):
            found = {}
            for name, default in cls.__record__.items():
                made = default.__class__ is Field
                found[name] = Field(name, _MISSING, default.default_factory) if made else Field(name, default)
            return found

    _fields = _Fields()

    def field(*, default=_MISSING, default_factory=_MISSING):
        """A field with a default, or with one that is made for each instance."""
        return Field("", default, default_factory)

    def dataclass(cls=None, *, frozen=False):
        """Turn a class into a record."""
        if cls is None:
            return lambda decorated: _process(decorated, frozen)
        return _process(cls, frozen)

    def fields(record):
        """The fields of a record or of its class, in order."""
        if not is_dataclass(record):
            raise TypeError("must be called with a record or its class")
        return tuple(record.__dataclass_fields__.values())

    def is_dataclass(value) -> bool:
        """Whether something is a record or the class of one."""
        return hasattr(value, "__record__")

    def replace(record, **changes):
        """A copy with other values in some fields."""
        if not changes.keys() <= record.__record__.keys():
            name = _first(changes.keys() - record.__record__.keys())
            raise _wrong(record, f"got an unexpected keyword argument {name!r}")
        copy = object.__new__(record.__class__)
        # Not field by field, which takes five times as long: most of what a machine does in a step is this.
        values = copy.__dict__
        values.update(record.__dict__)
        values.update(changes)
        _complete(copy)
        return copy

    def _process(cls, frozen):
        # What a field has if nothing is given, by its name: a default, a Field that makes one, or _MISSING.
        found = {}
        for base in reversed(cls.__mro__[1:]):
            found.update(base.__dict__.get("__record__", {}))
        for name in getattr(cls, "__annotations__", {}):
            default = cls.__dict__.get(name, _MISSING)
            if default is _MISSING and name in found:
                continue  # Python 3.9 gives a class without annotations those of its base
            if isinstance(default, Field):
                if default.default_factory is not _MISSING:
                    delattr(cls, name)
                else:
                    default = default.default
                    setattr(cls, name, default)
            found[name] = default
        cls.__record__ = found
        cls.__dataclass_fields__ = _fields
        for name, method in (("__init__", _initialise), ("__eq__", _equals), ("__repr__", _show), ("__hash__", _hash)):
            if name not in cls.__dict__:
                setattr(cls, name, method)
        if frozen:
            cls.__setattr__ = _refuse_to_set
            cls.__delattr__ = _refuse_to_delete
        else:
            cls.__hash__ = None
        return cls

    def _initialise(self, *arguments, **named) -> None:
        """`__init__` of all records. It bypasses the refusal to assign."""
        defaults = self.__record__
        for name, value in zip(defaults, arguments):
            _set(self, name, value)
        given = len(arguments)
        if given > len(defaults):
            raise _wrong(self, f"takes {len(defaults)} arguments, but {given} were given")
        for name, default in defaults.items():
            if given:
                given -= 1  # it has been set
            elif name in named:
                _set(self, name, named.pop(name))
            elif default is _MISSING:
                raise _wrong(self, f"missing a required argument: {name!r}")
            else:
                _set(self, name, default.default_factory() if default.__class__ is Field else default)
        if named:
            name = _first(named)
            what = "multiple values for" if name in defaults else "an unexpected"
            raise _wrong(self, f"got {what} argument {name!r}")
        _complete(self)

    def _complete(record):
        if hasattr(record, "__post_init__"):
            record.__post_init__()

    def _wrong(record, what):
        return TypeError(f"{record.__class__.__qualname__}.__init__() {what}")

    def _first(named):
        return next(iter(named))

    def _values(record):
        return tuple([getattr(record, name) for name in record.__record__])

    def _equals(self, other):
        if other.__class__ is not self.__class__:
            return NotImplemented
        return _values(self) == _values(other)

    def _hash(self):
        return hash(_values(self))

    def _show(self) -> str:
        inner = ", ".join([f"{name}={getattr(self, name)!r}" for name in self.__record__])
        return f"{self.__class__.__qualname__}({inner})"

    def _refuse_to_set(self, name, value) -> None:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def _refuse_to_delete(self, name) -> None:
        raise FrozenInstanceError(f"cannot delete field {name!r}")
