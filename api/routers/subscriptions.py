"""`/api/users/{user_id}/subscriptions` and `/consents`."""

from api.dependencies import Use, UuidPage
from api.route import api_router, requires
from api.schemas.common import Listed, TypePath, UserPath, cursor_text
from api.schemas.users import ConsentIn, ConsentOut, SubscriptionIn, SubscriptionOut
from domain.enums import ConsentType, Scope

router = api_router("/users/{user_id}", "Subscriptions and consents")


@router.get("/subscriptions", summary="List subscriptions")
@requires(Scope.PREFERENCES_READ, own_user=True)
async def list_subscriptions(user_id: UserPath, use: Use) -> Listed[SubscriptionOut]:
    """What the user chose; a type that is not here was never chosen."""
    found = await use.subscriptions.list(user_id)
    return Listed(data=[SubscriptionOut.of(item) for item in found])


@router.post("/subscriptions", status_code=201, summary="Subscribe to a type")
@requires(Scope.PREFERENCES_WRITE, own_user=True)
async def subscribe(user_id: UserPath, body: SubscriptionIn, use: Use) -> SubscriptionOut:
    return SubscriptionOut.of(await use.subscriptions.subscribe(user_id, body.type, body.channels))


@router.delete("/subscriptions/{type}", status_code=204, summary="Unsubscribe from a type")
@requires(Scope.PREFERENCES_WRITE, own_user=True)
async def unsubscribe(user_id: UserPath, type_name: TypePath, use: Use) -> None:
    await use.subscriptions.unsubscribe(user_id, type_name)


@router.get("/consents", summary="List consents")
@requires(Scope.PREFERENCES_READ, own_user=True)
async def list_consents(user_id: UserPath, use: Use) -> Listed[ConsentOut]:
    """Present answers; a consent that is not here was never asked."""
    return Listed(data=[ConsentOut.of(item) for item in await use.consents.list(user_id)])


@router.get("/consents/{consent}", summary="Get a consent")
@requires(Scope.PREFERENCES_READ, own_user=True)
async def get_consent(user_id: UserPath, consent: ConsentType, use: Use) -> ConsentOut:
    return ConsentOut.of(await use.consents.get(user_id, consent))


@router.get("/consents/{consent}/history", summary="List the answers to a consent")
@requires(Scope.PREFERENCES_READ, own_user=True)
async def list_answers(
    user_id: UserPath, consent: ConsentType, page: UuidPage, use: Use
) -> Listed[ConsentOut]:
    """Every answer ever given, with where, when and to what words; newest first."""
    found = await use.consents.history(user_id, consent, page)
    return Listed(
        data=[ConsentOut.of(answer) for answer in found.items],
        next_cursor=cursor_text(found.next_cursor),
    )


@router.put("/consents/{consent}", summary="Record an answer")
@requires(Scope.PREFERENCES_WRITE, own_user=True)
async def put_consent(
    user_id: UserPath, consent: ConsentType, body: ConsentIn, use: Use
) -> ConsentOut:
    """Earlier answers are kept as history. Waiting notifications are planned anew."""
    return ConsentOut.of(
        await use.consents.put(
            user_id,
            consent,
            granted=body.granted,
            source=body.source,
            text=body.text,
            at=body.at,
        )
    )
