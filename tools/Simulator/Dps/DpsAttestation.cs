using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using EstProv.Simulator.Hub;
using EstProv.Simulator.Pki;

namespace EstProv.Simulator.Dps;

/// <summary>
/// Finds the enrolment that a request attests under, by client certificate or by SAS token. An individual enrolment goes before every group,
/// also when it refuses (learn.microsoft.com/azure/iot-dps/how-to-revoke-device-access-portal).
/// </summary>
internal sealed class DpsAttestation(SimulatorPki pki, DpsEnrollments enrollments, string scopeId)
{
    private readonly Lock _lock = new();
    private readonly X509Certificate2Collection _enrolled = [pki.DeviceIdentity.Certificate];

    /// <summary>The CAs of the built-in group.</summary>
    public void SetEnrolled(X509Certificate2Collection authorities)
    {
        lock (_lock)
        {
            _enrolled.Clear();
            _enrolled.AddRange(authorities);
        }
    }

    /// <summary>Null = attested; else what DPS answers and what the log says.</summary>
    public DpsRefusal? Refusal(Exchange exchange, string registrationId, out DpsAttested? attested)
    {
        attested = null;
        var header = (string?)exchange.Request.Headers.Authorization;
        return header is not null
            ? BySas(exchange.Now, registrationId, header, out attested)
            : ByCertificate(exchange, registrationId, out attested);
    }

    private DpsRefusal? BySas(DateTimeOffset now, string registrationId, string header, out DpsAttested? attested)
    {
        attested = null;
        if (SasToken.Parse(header) is not { } token)
        {
            return DpsRefusal.Unauthorized("malformed SAS token");
        }

        if (token.IsExpired(now))
        {
            return DpsRefusal.Unauthorized("the SAS token has expired");
        }

        if (token.KeyName != "registration")
        {
            return DpsRefusal.Unauthorized("skn of the SAS token is not registration");
        }

        if (!token.Resource.Equals($"{scopeId}/registrations/{registrationId}", StringComparison.OrdinalIgnoreCase))
        {
            return DpsRefusal.Unauthorized("the SAS token is for " + token.Resource);
        }

        if (enrollments.Individual(registrationId) is { } individual)
        {
            attested = individual.Attestation == DpsAttestationType.SymmetricKey
                ? WithKey(individual, token, individual.PrimaryKey, individual.SecondaryKey)
                : null;
        }
        else
        {
            foreach (var group in enrollments.Groups(DpsAttestationType.SymmetricKey))
            {
                attested ??= WithKey(group, token, Derive(group.PrimaryKey, registrationId), Derive(group.SecondaryKey, registrationId));
            }
        }

        return attested is null ? DpsRefusal.Unauthorized("no enrolment with the key that has signed the SAS token") : null;
    }

    private static DpsAttested? WithKey(DpsEnrollment enrollment, SasToken token, string? primary, string? secondary)
        => token.IsSignedWith(primary) || token.IsSignedWith(secondary)
            ? new DpsAttested
            {
                Enrollment = enrollment,
                Keys = new HubCredential { Type = "sas", PrimaryKey = primary, SecondaryKey = secondary },
                Credential = "sas by enrolment " + enrollment.Name,
            }
            : null;

    private static string? Derive(string? groupKey, string registrationId)
        => groupKey is null
            ? null
            : Convert.ToBase64String(HMACSHA256.HashData(Convert.FromBase64String(groupKey), Encoding.UTF8.GetBytes(registrationId)));

    private DpsRefusal? ByCertificate(Exchange exchange, string registrationId, out DpsAttested? attested)
    {
        attested = null;
        if (exchange.Client is not { } client)
        {
            return DpsRefusal.Unauthorized("neither a client certificate nor a SAS token");
        }

        var now = exchange.Now;
        DpsRefusal? problem;
        if (enrollments.Individual(registrationId) is { } individual)
        {
            problem = ByThumbprint(individual, client.Leaf, now);
            attested = new DpsAttested { Enrollment = individual, Path = [client.Leaf], Credential = "certificate " + client.Leaf.Subject };
        }
        else
        {
            problem = DpsRefusal.Unauthorized("no X.509 enrolment group");
            foreach (var group in enrollments.Groups(DpsAttestationType.X509))
            {
                problem = ByAuthority(group, client.Leaf, client.Sent, now, out attested);
                if (problem is null)
                {
                    break;
                }
            }
        }

        var name = CertificateMaker.CommonName(client.Leaf.SubjectName);
        if (problem is null && (name is null || !RegistrationId.AreSame(name, registrationId)))
        {
            problem = DpsRefusal.Unauthorized($"common name {name} is not the registration id {registrationId}");
        }

        if (problem is not null)
        {
            attested = null;
        }

        return problem;
    }

    private static DpsRefusal? ByThumbprint(DpsEnrollment individual, X509Certificate2 leaf, DateTimeOffset now)
    {
        if (individual.Attestation != DpsAttestationType.X509 || !Thumbprint.IsOneOf(leaf, individual.Thumbprints))
        {
            return DpsRefusal.Unauthorized("the client certificate is not the one of the individual enrolment");
        }

        return Validity.Includes(leaf, now) ? null : new DpsRefusal(401, 401002, "Invalid certificate.", "out of its validity");
    }

    private DpsRefusal? ByAuthority(
        DpsEnrollment group, X509Certificate2 leaf, X509Certificate2Collection sent, DateTimeOffset now, out DpsAttested? attested)
    {
        attested = null;
        X509Certificate2Collection enrolled = [];
        if (group.Authorities is not null)
        {
            enrolled.ImportFromPem(group.Authorities);
        }
        else
        {
            lock (_lock)
            {
                enrolled.AddRange(_enrolled);
            }
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

        if (ChainVerifier.Verify(leaf, sent, roots, enrolled, enrolled, now, out var path) is { } problem)
        {
            return new DpsRefusal(401, 401002, "Invalid certificate.", problem);
        }

        attested = new DpsAttested
        {
            Enrollment = group,
            Path = path,
            Credential = "certificate " + path[0].Subject + (path.Count > 3 ? " by " + path[1].Subject : ""),
        };
        return null;
    }
}
