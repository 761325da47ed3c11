"""Frozen dataclasses without the cost of `dataclasses`: the same decorator with the same meaning, as far as we need it.

The standard module imports inspect, ast, dis, tokenize, enum and re (1.4 MB and 20 ms in PID 1, which is all that some
commands may take), and compiles six functions for every class when it is defined. Here a class costs a few closures,
and its `__init__` is compiled when the first instance is made. Type checkers see the standard decorator.

Supported are `@dataclass` and `@dataclass(frozen=True)`, defaults, `field(default=…, default_factory=…)`, inheritance,
`__post_init__`, `replace`, `fields` and `is_dataclass`. Equality, hash and repr use all fields. The functions of the
standard module accept these records too.
"""

from __future__ import annotations

from _operator import attrgetter

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
    _FIELDS = "__dataclass_fields__"

    class FrozenInstanceError(AttributeError):
        """Somebody assigned to a field of a frozen record."""

    class Field:
        """A field: its name, and where its value comes from if none is given."""

        __slots__ = ("default", "default_factory", "name")
        init = True

        def __init__(self, default, default_factory) -> None:
            self.name = ""
            self.default = default
            self.default_factory = default_factory

        @property
        def _field_type(self):
            # The standard module asks this of a field. Its user has imported it already.
            import dataclasses

            return dataclasses._FIELD

    def field(*, default=_MISSING, default_factory=_MISSING):
        """A field with a default, or with one that is made for each instance."""
        return Field(default, default_factory)

    def dataclass(cls=None, *, frozen=False):
        """Turn a class into a record."""
        if cls is None:
            return lambda decorated: _process(decorated, frozen)
        return _process(cls, frozen)

    def fields(record):
        """The fields of a record or of its class, in order."""
        try:
            return tuple(getattr(record, _FIELDS).values())
        except AttributeError:
            raise TypeError("must be called with a record or its class") from None

    def is_dataclass(value) -> bool:
        """Whether something is a record or the class of one."""
        return hasattr(value, _FIELDS)

    def replace(record, **changes):
        """A copy with other values in some fields."""
        for name in getattr(record, _FIELDS):
            if name not in changes:
                changes[name] = getattr(record, name)
        return type(record)(**changes)

    def _process(cls, frozen):
        found = {}
        for base in reversed(cls.__mro__[1:]):
            found.update(base.__dict__.get(_FIELDS, {}))
        for name in getattr(cls, "__annotations__", {}):
            default = cls.__dict__.get(name, _MISSING)
            if not isinstance(default, Field):
                if default is _MISSING and name in found:
                    continue  # Python 3.9 gives a class without annotations those of its base
                default = Field(default, _MISSING)
            elif default.default is _MISSING:
                delattr(cls, name)
            else:
                setattr(cls, name, default.default)
            default.name = name
            found[name] = default
        names = tuple(found)
        if len(names) > 1:
            key = attrgetter(*names)
        else:

            def key(record):
                return tuple([getattr(record, name) for name in names])

        def __init__(self, *arguments, **named) -> None:
            made = cls.__init__ = _compile_init(cls, found)
            made(self, *arguments, **named)

        def __eq__(self, other):
            if other.__class__ is not self.__class__:
                return NotImplemented
            return key(self) == key(other)

        def __hash__(self):
            return hash(key(self))

        def __repr__(self) -> str:
            inner = ", ".join([f"{name}={getattr(self, name)!r}" for name in names])
            return f"{self.__class__.__qualname__}({inner})"

        setattr(cls, _FIELDS, found)
        cls.__match_args__ = names
        methods = [__init__, __eq__, __repr__]
        if frozen:
            cls.__setattr__ = _refuse_to_set
            cls.__delattr__ = _refuse_to_delete
            methods.append(__hash__)
        for method in methods:
            name = method.__name__
            if name not in cls.__dict__:
                method.__qualname__ = f"{cls.__qualname__}.{name}"
                setattr(cls, name, method)
        if not frozen:
            cls.__hash__ = None
        return cls

    def _compile_init(cls, found):
        """`__init__` as dataclasses would write it: one assignment per field, bypassing the refusal to assign."""
        names = {"_set": object.__setattr__, "_missing": _MISSING}
        parameters, lines = [], []
        for name, about in found.items():
            value = name
            if about.default_factory is not _MISSING:
                names[f"_make_{name}"] = about.default_factory
                parameters.append(f"{name}=_missing")
                value = f"_make_{name}() if {name} is _missing else {name}"
            elif about.default is not _MISSING:
                names[f"_default_{name}"] = about.default
                parameters.append(f"{name}=_default_{name}")
            else:
                parameters.append(name)
            lines.append(f"\n _set(self, {name!r}, {value})")
        if hasattr(cls, "__post_init__"):
            lines.append("\n self.__post_init__()")
        text = f"def __init__({', '.join(['self', *parameters])}):{''.join(lines) or ' pass'}"
        exec(text, names)
        made = names["__init__"]
        made.__qualname__ = f"{cls.__qualname__}.__init__"
        made.__module__ = cls.__module__
        return made

    def _refuse_to_set(self, name, value) -> None:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def _refuse_to_delete(self, name) -> None:
        raise FrozenInstanceError(f"cannot delete field {name!r}")
