"""How flipgate sees which side answers users: what is asked for, by which scheme, and of whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, model_validator

from flipgate.core.spec.fields import (
    Address,
    FileModel,
    HeaderName,
    Host,
    HttpPath,
    Namespace,
    ObjectName,
    PortNumber,
    Scheme,
)
from flipgate.core.spec.probe import AUTHORIZATION, Probe


class TraefikSpec(FileModel):
    """Where Traefik's pods are; each is asked by itself, through the API server's pod proxy."""

    namespace: Namespace = Field(default="traefik", description="The namespace of Traefik's pods.")
    selector: str = Field(
        default="app.kubernetes.io/name=traefik",
        min_length=1,
        description="The label selector of Traefik's pods.",
    )
    port: PortNumber = Field(
        default=8000, description="The container port of the entry point that users come through by http."
    )
    https_port: PortNumber = Field(
        default=8443,
        description="The container port of the entry point with TLS, which is asked where traffic.scheme is https.",
    )
    throttle_seconds: float = Field(
        default=2,
        ge=0,
        description="How long Traefik may hold a changed route back, in seconds: its providersThrottleDuration, plus "
        "its Kubernetes provider's own throttleDuration. The answers that prove a move are asked for after that time.",
    )
    allow_empty_services: bool = Field(
        default=False,
        description="Whether Traefik's allowEmptyServices is on (kubernetesCRD; the chart's default). Where it is not, "
        "members of weight 0 and mirrors need a Ready endpoint on the new side, too, or Traefik drops the whole rule.",
    )
    metrics_port: PortNumber | None = Field(
        default=None,
        description="The container port where each of Traefik's pods serves /metrics (the chart's is 9100); needed by "
        "traefik gates, and where no header names the side: its counters of each target do then.",
    )
    metrics_scheme: Scheme = Field(default="http", description="How metricsPort is asked.")


class MiddlewareName(FileModel):
    """One of Traefik's Middlewares."""

    namespace: Namespace = Field(description="Its namespace: no side's, as each side comes and goes.")
    name: ObjectName = Field(description="Its name.")


class DarkPreviewSpec(FileModel):
    """How people look at the dark side before they decide: by a host of its own, for as long as a release is dark."""

    host: Host = Field(
        description="The host name that people ask for. DNS leads it where it leads the users' host; a certificate "
        "has to hold for it, too."
    )
    middlewares: tuple[MiddlewareName, ...] = Field(
        default=(),
        description="Who may look: Traefik's Middlewares (ipAllowList, basicAuth, forwardAuth) that stand before the "
        "live routes' own. Without any that lets only some in, the dark side is open to all who know the host.",
    )


class TrafficSpec(FileModel):
    """How flipgate sees for itself which side answers users."""

    host: Host = Field(description="The host name to ask for, as in the routes' rule.")
    path: HttpPath = Field(default="/", description="The path to ask for; it must be served through the routes.")
    scheme: Scheme = Field(
        default="http",
        description="How users ask. https: at Traefik's entry point with TLS (traefik.httpsPort), for routes with tls, "
        "and where plain HTTP is redirected.",
    )
    address: Address | None = Field(
        default=None,
        description="Where to ask by https in the place of Traefik's pods, as https://NAME or https://NAME:PORT: each "
        "IP address of NAME, with the host's name in TLS (SNI), and its certificate verified. Needs header.",
    )
    ca: Annotated[str, Field(pattern="^-----BEGIN CERTIFICATE-----")] | None = Field(
        default=None,
        description="The certificates (PEM) that sign the address's; those that the system trusts when left out.",
    )
    header: HeaderName | None = Field(
        default=None,
        description='The response header that names the side; its value must be "blue" or "green" (X-Served-Side). '
        "Left out, traefik.metricsPort says where counters are; no route may be an IngressRoute then.",
    )
    preview_host: Host | None = Field(
        default=None,
        description="A host name that nobody asks for. Right before a move, routes that say what the live ones will "
        "say lead it to the new side, through every Traefik pod, and are taken away again; none when left out.",
    )
    dark_preview: DarkPreviewSpec | None = Field(
        default=None,
        description="A host by which people look at the dark side, for as long as a release is dark; none when left "
        "out.",
    )
    probe: Probe = Field(default_factory=Probe, description="What flipgate's own requests bring, and what they expect.")
    probes_per_second: float | None = Field(
        default=None,
        ge=0.2,
        le=1000,
        description="How many requests a second flipgate itself sends at most, through all replicas together, where a "
        "rate limit stands in front of the host; as fast as answers come when left out.",
    )
    traefik: TraefikSpec = Field(default_factory=TraefikSpec, description="Where Traefik's pods are.")
    proof_answers: int = Field(
        default=5, ge=1, description="How many answers in a row each Traefik pod must give from the side moved to."
    )
    proof_timeout_seconds: int = Field(
        default=30, ge=1, description="How long to wait for that proof, in seconds, before moving back."
    )

    @property
    def by_https(self) -> bool:
        """Whether users are asked for by https, wherever."""
        return self.scheme == "https" or self.address is not None

    def proof_seconds(self, replicas: int) -> float:
        """How long a proof through so many replicas takes at probesPerSecond, once the throttle is over included."""
        waited = (self.proof_answers + 1) * replicas / self.probes_per_second if self.probes_per_second else 0.0
        return self.traefik.throttle_seconds + waited

    def too_slow(self, replicas: int) -> str:
        """Says that a proof through so many replicas takes longer than it may at the declared pace; empty where it does
        not, or none is declared."""
        needed = self.proof_seconds(replicas)
        if not self.probes_per_second or needed <= self.proof_timeout_seconds:
            return ""
        many = "1 replica" if replicas == 1 else f"{replicas} replicas"
        return (
            f"a proof of {self.proof_answers} answers through {many} takes {needed:.0f} s at spec.traffic."
            f"probesPerSecond {self.probes_per_second:g}, and proofTimeoutSeconds is {self.proof_timeout_seconds}"
        )

    def need_named(self, plain: Sequence[str], counted: str) -> None:
        """Raises ValueError where nothing names the side that answers through `plain` routes; `counted` are the kinds
        whose targets Traefik counts."""
        if self.header is None and plain:
            raise ValueError(
                f"without traffic.header each route must be of kind {counted}: Traefik counts {plain[0]} "
                "under one name whichever side answers"
            )

    def need_near(self, route: str, namespace: str) -> None:
        """Raises ValueError where the preview of a route that can name middlewares of its own namespace alone would
        have to name another."""
        for each in self.dark_preview.middlewares if self.dark_preview else ():
            if each.namespace != namespace:
                raise ValueError(
                    f"traffic.darkPreview.middlewares: {route} can name those of namespace {namespace} alone, and "
                    f"{each.namespace}/{each.name} is not there"
                )

    def need_probes(self, pause_seconds: float) -> None:
        """Raises ValueError where the declared pace leaves no probe to a look of the bake, one each `pause_seconds`."""
        rate = self.probes_per_second
        if rate and rate * pause_seconds < 1:
            raise ValueError(
                f"policy.bakeIntervalSeconds ({pause_seconds:g}) leaves no probe to a look at traffic.probesPerSecond "
                f"{rate:g}: at least {1 / rate:g}"
            )

    @model_validator(mode="after")
    def _authorization_arrives(self) -> TrafficSpec:
        if not self.address and any(header.name.lower() == AUTHORIZATION for header in self.probe.headers):
            raise ValueError(
                "probe.headers has Authorization, and the API server takes it for itself and passes none on: declare "
                "address, or let probes in by another header"
            )
        return self

    @model_validator(mode="after")
    def _somebody_names_the_side(self) -> TrafficSpec:
        if self.address and self.header is None:
            raise ValueError("address needs header: Traefik's counters are those of its pods, which are not asked then")
        if self.ca and not self.address:
            raise ValueError("ca is for address alone: the API server takes whatever certificate a pod has")
        if self.header is None and self.traefik.metrics_port is None:
            raise ValueError("nothing tells which side answers: declare header, or traefik.metricsPort")
        return self

    @model_validator(mode="after")
    def _users_ask_for_another_host(self) -> TrafficSpec:
        if self.preview_host == self.host:
            raise ValueError(f'previewHost is the users\' host "{self.host}"; it must be one that nobody asks for')
        if self.dark_preview and self.dark_preview.host in (self.host, self.preview_host):
            whose = "users' host" if self.dark_preview.host == self.host else "previewHost"
            raise ValueError(f'darkPreview.host is the {whose} "{self.dark_preview.host}"; it must be one of its own')
        return self

    @model_validator(mode="after")
    def _proof_outlasts_the_throttle(self) -> TrafficSpec:
        throttle, patience = self.traefik.throttle_seconds, self.proof_timeout_seconds
        if patience <= throttle:
            raise ValueError(
                f"proofTimeoutSeconds ({patience}) must be longer than traefik.throttleSeconds ({throttle:g}), or no "
                "move could be proven"
            )
        if too_slow := self.too_slow(1):
            raise ValueError(too_slow)
        return self
