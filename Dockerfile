# Toolgate, any of its commands. Mount the folder with `toolgate.yaml` at /srv/toolgate:
#   docker build -t toolgate .
#   docker run -p 8181:8181 -v "$PWD:/srv/toolgate" toolgate serve
# `make image-check` carries out these instructions in a Debian root without Docker. BASE is an argument so that a
# build can pin it by digest.
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE}

COPY pyproject.toml README.md requirements.lock requirements-build.lock /src/
COPY pdp /src/pdp
COPY enforcers /src/enforcers
COPY deploy/image /src/deploy/image
# What `pdp.bundles.git` runs.
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends git openssh-client && rm -rf /var/lib/apt/lists/*
RUN /src/deploy/image/install.sh /src && rm -rf /src

ENV PATH=/opt/toolgate/bin:/usr/local/bin:/usr/bin:/bin
ENV PYTHONUNBUFFERED=1
WORKDIR /srv/toolgate
USER toolgate
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["python3", "/opt/toolgate/healthcheck.py"]
ENTRYPOINT ["toolgate"]
CMD ["serve"]
