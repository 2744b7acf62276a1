# SPDX-License-Identifier: ISC
"""tokens.py - an issuer of tokens: keys made by openssl, a JSON Web Key set of them, and tokens good and bad.

    issuer = Issuer(directory); issuer.key_set("keys.json"); issuer.token("ES256", email="u1@example.test")
"""
import base64
import hashlib
import hmac
import json
import pathlib
import subprocess
import time

ISSUER, AUDIENCE = "https://login.example.test", "mail"
MAKE = {"RS256": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "ES256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        "EdDSA": ["-algorithm", "ED25519"]}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*args, data=b""):
    return subprocess.run(["openssl", *map(str, args)], input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout


def raw_of(der):
    """SEQUENCE of two INTEGERs: r and s in 32 octets each."""
    at, out = 2, b""
    for _ in range(2):
        n = der[at + 1]
        out += der[at + 2:at + 2 + n].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + n
    return out


class Issuer:
    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.dir.mkdir(exist_ok=True)
        for alg, how in MAKE.items():
            openssl("genpkey", *how, "-out", self.dir / alg)

    def jwk(self, alg):
        der = openssl("pkey", "-in", self.dir / alg, "-pubout", "-outform", "DER")
        if alg == "RS256":
            modulus = openssl("rsa", "-in", self.dir / alg, "-noout", "-modulus").decode().strip().partition("=")[2]
            numbers = {"kty": "RSA", "n": b64(bytes.fromhex(modulus)), "e": "AQAB"}
        elif alg == "ES256":
            numbers = {"kty": "EC", "crv": "P-256", "x": b64(der[-64:-32]), "y": b64(der[-32:])}
        else:
            numbers = {"kty": "OKP", "crv": "Ed25519", "x": b64(der[-32:])}
        return {**numbers, "kid": f"{alg}-1", "alg": alg, "use": "sig"}

    def key_set(self, path):
        others = [{"kty": "oct", "k": "c2VjcmV0"}, {"kty": "RSA", "n": "AQAB", "e": "AQAB"}, "nothing"]
        pathlib.Path(path).write_text(json.dumps({"keys": others + [self.jwk(alg) for alg in MAKE]}))

    def sign(self, alg, text):
        if alg == "none":
            return b""
        if alg == "HS256":  # with what is public: a verifier that lets the token choose would take it
            return hmac.new((self.dir / "RS256.pub").read_bytes(), text, hashlib.sha256).digest()
        if alg == "EdDSA":
            (self.dir / "text").write_bytes(text)
            return openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.dir / alg, "-in", self.dir / "text")
        signature = openssl("dgst", "-sha256", "-sign", self.dir / alg, data=text)
        return raw_of(signature) if alg == "ES256" else signature

    def token(self, alg, head=None, without=(), **claims):
        """Good, but for what is said; without: claims that are left out."""
        now = int(time.time())
        all_claims = {"iss": ISSUER, "aud": AUDIENCE, "exp": now + 300, "nbf": now - 10, "scope": "openid mail.read", **claims}
        text = ".".join(b64(json.dumps(part).encode()) for part in
                        ({"alg": alg, "typ": "JWT", "kid": f"{alg}-1", **(head or {})}, {k: v for k, v in all_claims.items() if k not in without})).encode()
        return (text + b"." + b64(self.sign(alg, text)).encode()).decode()
