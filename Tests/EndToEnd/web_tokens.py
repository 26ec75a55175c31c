"""JSON Web Tokens for tests, made by two libraries of others: joserfc and PyJWT."""

import json
import time
import warnings

import jwt
from joserfc import jwt as jose
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey

from whole_files import write_whole

ISSUER, AUDIENCE = "https://login.bank.example", "daybook"
ALGORITHMS = ("RS256", "ES256", "EdDSA")


class Issuer:
    """Whoever issues tokens: its keys, one of each algorithm, and the file in which the services find their public halves."""

    def __init__(self, path, generation=1):
        self.path = path
        self.keys = {}
        self.roll(generation)

    def roll(self, generation, keeps=()):
        """Other keys take the place of those before; the file keeps the public halves of `keeps` too."""

        def named(algorithm):
            return {"kid": f"{algorithm}-{generation}", "use": "sig", "alg": algorithm}

        self.keys = {
            "RS256": RSAKey.generate_key(2048, named("RS256")),
            "ES256": ECKey.generate_key("P-256", named("ES256")),
            "EdDSA": OKPKey.generate_key("Ed25519", named("EdDSA")),
        }
        self.write(*keeps, *self.keys.values())

    def write(self, *keys):
        write_whole(self.path, json.dumps({"keys": [key.as_dict(private=False) for key in keys]}))

    def claims(self, role="manager", **changes):
        """What a token says; None takes a claim away."""
        now = int(time.time())
        claims = {
            "iss": ISSUER, "aud": AUDIENCE, "sub": "alice@bank.example", "daybook_role": role, "iat": now, "exp": now + 600,
        } | changes  # fmt: skip
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, algorithm="ES256", library="joserfc", header={}, **claims):
        """A token signed with the key of an algorithm. Header fields and claims may be added and altered."""
        key = self.keys[algorithm]
        header, claims = {"kid": key.kid} | header, self.claims(**claims)
        if library == "pyjwt":
            return jwt.encode(claims, key.as_pem(private=True), algorithm, header)
        with warnings.catch_warnings():
            # RFC 9864 names the curve instead of EdDSA; issuers still write what RFC 8037 says.
            warnings.simplefilter("ignore", SecurityWarning)
            return jose.encode({"alg": algorithm} | header, claims, key, algorithms=[algorithm])

    @property
    def settings(self):
        return {"ACCESS_JWKS": self.path, "ACCESS_ISSUER": ISSUER, "ACCESS_AUDIENCE": AUDIENCE}
