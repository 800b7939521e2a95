#!/usr/bin/env python3
"""An SPDX 2.3 document of the release image: sbom.py VERSION < lines of source, package and version"""

import datetime
import json
import os
import re
import sys


def spdx_id(name):
    return "SPDXRef-" + re.sub("[^A-Za-z0-9.-]", "-", name)


def package(name, version, **more):
    return {"SPDXID": spdx_id(name), "name": name, "versionInfo": version, "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False, "licenseConcluded": "NOASSERTION", "copyrightText": "NOASSERTION", **more}


def document(version, rows, created):
    program = package("pg-rightsizer", version, licenseDeclared="Apache-2.0")
    debian = [package(name, of, licenseDeclared="NOASSERTION", sourceInfo=f"built from Debian's source package {source}",
                      externalRefs=[{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                                     "referenceLocator": f"pkg:deb/debian/{name}@{of}"}])
              for source, name, of in rows]
    describes = [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES",
                  "relatedSpdxElement": program["SPDXID"]}]
    contains = [{"spdxElementId": program["SPDXID"], "relationshipType": "DYNAMIC_LINK",
                 "relatedSpdxElement": one["SPDXID"]} for one in debian]
    return {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
            "name": f"pg-rightsizer {version}",
            "documentNamespace": f"https://pgrightsizer.io/sbom/{version}/{created}",
            "creationInfo": {"created": created, "creators": ["Tool: pg-rightsizer-hack/sbom.py"]},
            "packages": [program, *debian], "relationships": describes + contains}


if __name__ == "__main__":
    moment = datetime.datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
                                             or datetime.datetime.now().timestamp(), datetime.timezone.utc)
    rows_read = [line.split("\t") for line in sys.stdin.read().splitlines()]
    json.dump(document(sys.argv[1], rows_read, moment.strftime("%Y-%m-%dT%H:%M:%SZ")), sys.stdout, indent=1)
