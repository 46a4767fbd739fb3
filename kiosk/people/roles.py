"""The roles of those who use the kiosk, and what each may do.

Every route of the server names the permission that it needs, and this table alone says who has it. What a guest may do
to one photo depends on a secret besides: its token to see it, its owner key to change it (keys.py).
"""

from __future__ import annotations

from enum import Enum


class Role(Enum):
    """guest: anybody on the network. screen: a booth's screen, paired once, or the machine itself. operator: signed in
    with the PIN, or on the machine itself."""

    GUEST = "guest"
    SCREEN = "screen"
    OPERATOR = "operator"


class Permission(Enum):
    """Kinds of deeds.

    pages: open the guests' pages and their files. bring: upload a photo. see: see a photo whose token one has. list:
    list the photos that others may see. own: see, change and delete what one's owner key brought. pair: ask to become a
    booth's screen. capture: ask the kiosk's camera for a photo. sign_in: open the page that asks for the PIN.
    operate: everything on the operator's pages. monitor: read the metrics. health: ask whether the kiosk is well.
    """

    PAGES = "pages"
    BRING = "bring"
    SEE = "see"
    LIST = "list"
    OWN = "own"
    PAIR = "pair"
    CAPTURE = "capture"
    SIGN_IN = "sign_in"
    OPERATE = "operate"
    MONITOR = "monitor"
    HEALTH = "health"


_EVERYBODY = frozenset(Role)

TABLE: dict[Permission, frozenset[Role]] = {
    Permission.PAGES: _EVERYBODY,
    Permission.BRING: _EVERYBODY,
    Permission.SEE: _EVERYBODY,
    Permission.LIST: _EVERYBODY,
    Permission.OWN: _EVERYBODY,
    Permission.PAIR: _EVERYBODY,
    Permission.HEALTH: _EVERYBODY,
    Permission.CAPTURE: frozenset({Role.SCREEN, Role.OPERATOR}),
    Permission.SIGN_IN: _EVERYBODY,
    Permission.OPERATE: frozenset({Role.OPERATOR}),
    Permission.MONITOR: frozenset({Role.OPERATOR}),
}
"""Who may do what."""


def may(role: Role, permission: Permission) -> bool:
    return role in TABLE[permission]
