using System.Security.Cryptography.X509Certificates;
using EstProv.Simulator.Pki;
using EstProv.Simulator.Tls;

namespace EstProv.Simulator.Est;

/// <summary>Which client certificates the EST server believes: the operator's bootstrap CA and its own issuing CAs.</summary>
internal sealed class EstTrust(SimulatorPki pki, Issuer issuer, SimulatorClock clock)
{
    private readonly Lock _lock = new();
    private readonly X509Certificate2Collection _bootstrap = [pki.Bootstrap.Certificate];

    /// <summary>What everything is judged by.</summary>
    public SimulatorClock Clock => clock;

    /// <summary>Replaces the accepted bootstrap CAs; each is an anchor.</summary>
    public void SetBootstrap(X509Certificate2Collection authorities)
    {
        lock (_lock)
        {
            _bootstrap.Clear();
            _bootstrap.AddRange(authorities);
        }
    }

    /// <summary>Null = verified; else why not.</summary>
    public string? Verify(ClientIdentity client, out EstIdentityKind kind)
    {
        X509Certificate2Collection bootstrap;
        lock (_lock)
        {
            bootstrap = [.. _bootstrap];
        }

        kind = EstIdentityKind.Bootstrap;
        var issuing = pki.Issuing;
        X509Certificate2Collection roots = [.. pki.IssuingRoots, .. bootstrap];
        var problem = ChainVerifier.Verify(client.Leaf, client.Sent, roots, issuing, [.. issuing, .. bootstrap], clock.Now, out var path);
        if (problem is not null)
        {
            return problem;
        }

        if (pki.IssuingRoots.Contains(path[^1]))
        {
            // A certificate minted by a device's own CA chains to the same root, but this server has not issued it.
            if (issuer.Find(client.Leaf.SerialNumber) is not { } record || !SameKey(record, client.Leaf))
            {
                return "not issued by this server";
            }

            kind = record.EstIdentity ? EstIdentityKind.Full : EstIdentityKind.Other;
        }

        return null;
    }

    private static bool SameKey(IssuedRecord record, X509Certificate2 leaf)
    {
        using var issued = X509Certificate2.CreateFromPem(record.Pem);
        return issued.RawDataMemory.Span.SequenceEqual(leaf.RawDataMemory.Span);
    }
}
