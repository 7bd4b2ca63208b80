"""`/admin/v1/bundle/refresh`: take what was published into force now, step 7 of a publication."""

from fastapi import APIRouter, Request

from pdp.server.admin.permission import PoliciesPublisher, access_of
from pdp.server.admin.status import Status, status_of
from pdp.server.interior import Interior


def bundle_routes(interior: Interior) -> APIRouter:
    """The path for bundles; its function blocks, so it runs in a thread."""
    routes = APIRouter()

    @routes.post("/admin/v1/bundle/refresh")
    def refresh(_: PoliciesPublisher, request: Request) -> Status:
        """Look at the source now, and say how things are after that: also where the newest was refused."""
        interior.bundles.refresh()
        status = status_of(interior)
        access_of(request).facts |= {"generation": status.generation, "trouble": status.bundle_trouble}
        return status

    return routes
