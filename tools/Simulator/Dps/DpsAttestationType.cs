namespace EstProv.Simulator.Dps;

/// <summary>How the devices of an enrolment attest. TPM attestation is not offered.</summary>
public enum DpsAttestationType
{
    X509,
    SymmetricKey,
}
