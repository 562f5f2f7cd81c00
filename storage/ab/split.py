"""The division of `domain.ab.assignment` as SQL, for statements that divide a whole audience.

The text holds only what callers write themselves: placeholders and column names. Seeds and users
are bound or read from columns, never written into it.
"""

from domain.ab.assignment import MEMBERS, VARIANTS, Split


def hash_of(seed: str, user_id: str) -> str:
    """`domain.ab.assignment.hash_of` of two text expressions: a bigint below 2³²."""
    return f"(('x' || substr(md5({seed} || ':' || {user_id}), 1, 8))::bit(32)::bigint)"


def variant_of(user_id: str, first: int) -> str:
    """The variant's index as an integer, null for who is held out. `user_id` is a column or
    expression; `values(split)` are bound at `$first` and the two after it."""
    seed = f"${first}::text"
    members = hash_of(f"{seed} || ':{MEMBERS}'", user_id)
    variants = hash_of(f"{seed} || ':{VARIANTS}'", user_id)
    return (
        f"(case when {members} < ${first + 1}::bigint"
        f" then width_bucket({variants}, ${first + 2}::bigint[]) end)"
    )


def values(split: Split) -> tuple[str, int, list[int]]:
    """What `variant_of` binds."""
    return split.seed, split.threshold, list(split.bounds)
