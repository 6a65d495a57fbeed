"""A property that takes a request, or reads a file: computed once for each object."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class once(Generic[T]):  # a decorator, as functools.cached_property is
    """As functools.cached_property, for what may take long.

    Before Python 3.12 that holds one lock for all objects of a class while any of them is computed, so that one slow request
    would hold up the requests of every other call. Here the threads that use the same object wait, and no others.
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> once[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> once[T] | T:
        if instance is None:
            return self
        known = instance.__dict__
        with known.setdefault(f"{self._name} lock", Lock()):
            if self._name not in known:
                known[self._name] = self._compute(instance)  # from now on Python finds it before this descriptor
        value: T = known[self._name]
        return value
