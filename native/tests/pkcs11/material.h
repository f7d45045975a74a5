#ifndef ESTPROV_PKCS11_MATERIAL_H
#define ESTPROV_PKCS11_MATERIAL_H

/* Public keys (SubjectPublicKeyInfo) and certificates in base64, made once with openssl; their private keys
 * are gone. The certificates are those of SPKI_EC and SPKI_EC_NEXT, and of the CA that has issued both. */

#define SPKI_EC                                                                                \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEE3fUKexiFtU+Vr8LKenAyoA7mGKInfNrNOqjFI8Q8+xqru2rQton" \
    "YS3EsuURo0FsUs2PPU4WeYqULpexClC8mA=="

#define SPKI_EC_NEXT                                                                           \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEQNoE2BM/ypX4qx0fgQven2NdFbTDoFArv1v4odfUV9h2OF+ro9Gc" \
    "Sax+VSPcz6+t4pkI2qPaKHWb5TkcB4FB9g=="

#define SPKI_EC_521                                                                            \
    "MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQB9XcxeLkcFPjcoxDa8eSwzxnV1CJ4cx2p8WwG4jj57jAaKKoWJ+bq" \
    "Hav+uUDo78Pc49iX90HXO7Zr4Y5Px6sIoFMApLKw27BZkMYDI8NUNju/HLv9H1V/Urjj/FHsTObqP3jY4af/M/IE" \
    "krzZN0ZILDJjLd4fsuzaf5dyEw0sJzS8cQw="

#define SPKI_RSA                                                                               \
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAorLyLUScdis3I8kBBe/ejrLM8hRhYLytivXYdOkW75Ay" \
    "75kPvznfUnE3t4Q0ZV/mg8KLKLhYf7CjBMnMGUnjohbhEuWMsKPSq1IPMV5/sLbHqRC4rPsCLGce24DD0tQDAHVN" \
    "hv/rxmhkhwepTsxMlSgrTAE64kXhkI7yFHgxzh0tT7q/+6+CvMjOHzjtYJfZZsLcyiKAhrmp5L95e4sxyXOreIhQ" \
    "KuQ0uT2K11t2KIcogYy+tfkvzzCeD6mUaLMO7qwYUd5cg+XdJ7pOpz9YIXBqUyYO2Qx5stg5EFCNpvBkvBLnJ/W/" \
    "wwauSjS9AZBN/+JTYrh78wfpU7J/XMxkrQIDAQAB"

#define SPKI_ED25519 "MCowBQYDK2VwAyEAlLzVs3eq8eaRiSYAwz+9d2EgdDsCOlqDOAizocVvKNQ="

#define CERTIFICATE_EC                                                                         \
    "MIIBETCBtwICSgEwCgYIKoZIzj0EAwIwEjEQMA4GA1UEAwwHVGVzdCBDQTAgFw0yNjExMjgxMTA3MDFaGA8yMTI2" \
    "MTEwNDExMDcwMVowFDESMBAGA1UEAwwJZGV2aWNlLWVjMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEE3fUKexi" \
    "FtU+Vr8LKenAyoA7mGKInfNrNOqjFI8Q8+xqru2rQtonYS3EsuURo0FsUs2PPU4WeYqULpexClC8mDAKBggqhkjO" \
    "PQQDAgNJADBGAiEAlNDl56wSEtbu0inCqH9uQvsFI95ifa1KRszYvEVMCPQCIQDfnWDT+/kqZVPU6j9S84Fgdtfs" \
    "hVaryCpHf3QJSv2PxA=="

#define CERTIFICATE_EC_NEXT                                                                    \
    "MIIBETCBuAICSgEwCgYIKoZIzj0EAwIwEjEQMA4GA1UEAwwHVGVzdCBDQTAgFw0yNjExMjgxMTA3MDFaGA8yMTI2" \
    "MTEwNDExMDcwMVowFTETMBEGA1UEAwwKZGV2aWNlLWVjMjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABEDaBNgT" \
    "P8qV+KsdH4EL3p9jXRW0w6BQK79b+KHX1FfYdjhfq6PRnEmsflUj3M+vreKZCNqj2ih1m+U5HAeBQfYwCgYIKoZI" \
    "zj0EAwIDSAAwRQIhAPVsViAUH9sMt3DKaR67Kl5TkUVUVVFF1zbt7roBMP70AiAyVGoaQBipTXyI+xSomVgt4Q51" \
    "+vYFwNXOPyIHMVr39g=="

#define CERTIFICATE_CA                                                                         \
    "MIIBejCCASGgAwIBAgIUbgH+SA79RXLc/pF7dr20t9+oP6gwCgYIKoZIzj0EAwIwEjEQMA4GA1UEAwwHVGVzdCBD" \
    "QTAgFw0yNjExMjgxMTA3MDBaGA8yMTI2MTEwNDExMDcwMFowEjEQMA4GA1UEAwwHVGVzdCBDQTBZMBMGByqGSM49" \
    "AgEGCCqGSM49AwEHA0IABJUOztODiTqmQ70iJpa0NWLkjCVIWoNkDD55K/O7PhHLo2THpI5517g2fhl0PR81K7xc" \
    "ol4Dsojw4KzlQFEa5WyjUzBRMB0GA1UdDgQWBBQtAg1BBmR7iVlUFYaNspfesgdIYzAfBgNVHSMEGDAWgBQtAg1B" \
    "BmR7iVlUFYaNspfesgdIYzAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCICFlKTJupp0yyMnecT5c" \
    "gNpnWWAsDR+QRKtow5AjPIvFAiBQzGoCekw0KcVnF2+IKXfL5GcCsMqshYB+VZnPhSppzg=="

#endif
