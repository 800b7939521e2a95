#!/usr/bin/env python3
"""An SPDX 2.3 document of a release image: sbom.py NAME VERSION LICENCE < lines of source, package and version"""

import datetime
import json
import os
import re
import sys


def package(kind, name, version, **more):
    return {"SPDXID": f"SPDXRef-{kind}-" + re.sub("[^A-Za-z0-9.-]", "-", name), "name": name,
            "versionInfo": version, "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False, "licenseConcluded": "NOASSERTION", "copyrightText": "NOASSERTION", **more}


def document(name, version, licence, rows, created):
    image = package("image", name, version, licenseDeclared=licence)
    debian = [package("deb", binary, of, licenseDeclared="NOASSERTION",
                      sourceInfo=f"built from Debian's source package {source}",
                      externalRefs=[{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                                     "referenceLocator": f"pkg:deb/debian/{binary}@{of}"}])
              for source, binary, of in rows]
    describes = [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES",
                  "relatedSpdxElement": image["SPDXID"]}]
    contains = [{"spdxElementId": image["SPDXID"], "relationshipType": "CONTAINS",
                 "relatedSpdxElement": one["SPDXID"]} for one in debian]
    return {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
            "name": f"{name} {version}",
            "documentNamespace": f"https://pgrightsizer.io/sbom/{name}/{version}/{created}",
            "creationInfo": {"created": created, "creators": ["Tool: pg-rightsizer-hack/sbom.py"]},
            "packages": [image, *debian], "relationships": describes + contains}


if __name__ == "__main__":
    moment = datetime.datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH") or 0)
                                             or datetime.datetime.now().timestamp(), datetime.timezone.utc)
    rows_read = [line.split("\t") for line in sys.stdin.read().splitlines()]
    json.dump(document(*sys.argv[1:4], rows_read, moment.strftime("%Y-%m-%dT%H:%M:%SZ")), sys.stdout, indent=1)
