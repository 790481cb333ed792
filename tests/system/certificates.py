"""Makes certificates for tests by the `openssl` command."""

import subprocess


class Authority:
    """A certificate authority with its files in a folder of its own."""

    def __init__(self, folder, name="authority"):
        self.folder = folder
        folder.mkdir()
        self.certificate = folder / "ca.crt"
        self._key = folder / "ca.key"
        self._serial = 0
        self._run("req", "-x509", *self._new_key(self._key), "-out", self.certificate, "-days", "30",
                  "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE",
                  "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-addext", "subjectKeyIdentifier=hash")

    def issue(self, name, *, start="20200101000000Z", end="20490101000000Z", usage=None):
        """A certificate for 127.0.0.1 and its key, perhaps over older ones; `usage` is what alone it may be shown for.
        With all that a strict verifier asks for, as Python's from 3.13 on."""
        certificate, key, request = (self.folder / f"{name}.{suffix}" for suffix in ("crt", "key", "csr"))
        self._run("req", "-new", *self._new_key(key), "-out", request, "-subj", f"/CN={name}")
        self._serial += 1
        (self.folder / "index.txt").write_text("")
        (self.folder / "serial").write_text(f"{self._serial:02X}\n")
        settings = self.folder / "ca.cnf"
        settings.write_text(
            "[ca]\ndefault_ca=this\n[this]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\n"
            "default_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n[extensions]\nbasicConstraints=CA:FALSE\n"
            "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid:always\nsubjectAltName=IP:127.0.0.1\n" +
            (f"extendedKeyUsage={usage}\n" if usage else ""))
        self._run("ca", "-batch", "-notext", "-config", settings, "-extensions", "extensions", "-cert",
                  self.certificate, "-keyfile", self._key, "-startdate", start, "-enddate", end, "-in", request,
                  "-out", certificate)
        return certificate, key

    @staticmethod
    def _new_key(file):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", file]

    def _run(self, *arguments):
        done = subprocess.run(["openssl", *map(str, arguments)], cwd=self.folder, capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"openssl {arguments}:\n{done.stderr}")
