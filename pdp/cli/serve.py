"""`toolgate serve`: the decision point."""

import os
import sys
from pathlib import Path

from pdp.bootstrap.server import open_server
from pdp.cli.config import ConfigOption
from pdp.core.contract.errors import ConfigurationError
from pdp.core.settings.load import read_settings
from pdp.hosting.address import listen_address
from pdp.hosting.event_log import configure_event_log
from pdp.server.listen import run_service
from pdp.tokens.identity_problems import refuse_dev_issuer_off_loopback


def serve(*, config: ConfigOption = Path("toolgate.yaml")) -> None:
    """Run the decision point, until SIGTERM; SIGHUP looks for changed policies at once.

    Example: toolgate serve --config toolgate.yaml
    """
    # (1) what is configured
    settings = read_settings(config, environ=os.environ).settings  # noqa: TID251 - the edge
    listen = listen_address(settings.pdp.listen, setting="pdp.listen")
    entrance = settings.pdp.admin
    admin = None if entrance is None else listen_address(entrance.listen, setting="pdp.admin.listen")
    # (2) what must not be together
    if problems := refuse_dev_issuer_off_loopback(settings):
        raise ConfigurationError(problems)
    # (3) policies, log and keys; (4) listen
    log = configure_event_log(sys.stdout)
    service = open_server(settings, base=config.parent)
    run_service(service, listen=listen, admin=admin, log=log, streams=settings.pdp.max_listeners)
