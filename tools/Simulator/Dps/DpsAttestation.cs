using System.Security.Cryptography.X509Certificates;
using EstProv.Simulator.Pki;

namespace EstProv.Simulator.Dps;

/// <summary>X.509 attestation of a group enrolment: a chain through an enrolled CA, and the leaf's common name is the registration id.</summary>
internal sealed class DpsAttestation(SimulatorPki pki, SimulatorClock clock)
{
    private readonly Lock _lock = new();
    private readonly X509Certificate2Collection _enrolled = [pki.DeviceIdentity.Certificate];

    public void SetEnrolled(X509Certificate2Collection authorities)
    {
        lock (_lock)
        {
            _enrolled.Clear();
            _enrolled.AddRange(authorities);
        }
    }

    /// <summary>Null = attested; else what DPS answers and what the log says.</summary>
    public DpsRefusal? Refusal(Exchange exchange, string registrationId, out IReadOnlyList<X509Certificate2> path)
    {
        path = [];
        if (exchange.Client is not { } client)
        {
            return new DpsRefusal(401, 401002, "Unauthorized", "no client certificate");
        }

        X509Certificate2Collection enrolled;
        lock (_lock)
        {
            enrolled = [.. _enrolled];
        }

        // An enrolled CA may be an intermediate whose root DPS was never given; here the roots that there are stand in for it.
        var roots = pki.IssuingRoots;
        foreach (var authority in enrolled)
        {
            if (authority.SubjectName.RawData.AsSpan().SequenceEqual(authority.IssuerName.RawData))
            {
                roots.Add(authority);
            }
        }

        if (ChainVerifier.Verify(client.Leaf, client.Sent, roots, enrolled, enrolled, clock.Now, out path) is { } problem)
        {
            return new DpsRefusal(401, 401002, "Invalid certificate.", problem);
        }

        var name = CertificateMaker.CommonName(client.Leaf.SubjectName);
        return string.Equals(name, registrationId, StringComparison.OrdinalIgnoreCase)
            ? null
            : new DpsRefusal(401, 401002, "Unauthorized", $"common name {name} is not the registration id {registrationId}");
    }
}

/// <summary>An error of DPS: HTTP status, its six-digit code, its message; the detail is only for the simulator's log.</summary>
internal sealed record DpsRefusal(int Status, int Code, string Message, string? Detail = null);
