using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Simulator.Faults;
using EstProv.Simulator.Pki;

namespace EstProv.Simulator.Est;

/// <summary>Makes the certificate that an enrolment has earned, or the wrong one that a fault asks for.</summary>
internal sealed class EstIssuance(SimulatorOptions options, SimulatorPki pki, Issuer issuer, SimulatorClock clock)
{
    private const long ClientSeconds = 90 * 24 * 3600;
    private const long AuthoritySeconds = 365 * 24 * 3600;

    public X509Certificate2 Issue(
        Exchange exchange, EstIdentity identity, SigningRequest request, EstLabel label, EstProfile profile, Authority authority, string operation,
        PublicKey? key = null)
    {
        var now = clock.Now;
        var seconds = label.Validity ?? options.Validity ?? (profile == EstProfile.Ca ? AuthoritySeconds : ClientSeconds);
        var order = new IssueOrder
        {
            Request = request,
            Issuer = authority,
            Profile = profile,
            Validity = TimeSpan.FromSeconds(seconds),
            Label = exchange.Label!,
            Operation = operation,
            EstIdentity = label.Bootstrap && profile == EstProfile.Client,
            By = identity.Name,
            Key = key,
            AlternativeNames = options.Est.Quirks.DropSubjectAlternativeNames ? null : request.AlternativeNames,
        };
        var fault = exchange.TakeFault(
            FaultKind.WrongKey, FaultKind.WrongSubject, FaultKind.WrongIssuer, FaultKind.Expired, FaultKind.NotYetValid, FaultKind.NotCa, FaultKind.IsCa);
        return issuer.Issue(fault is null ? order : Spoil(order with { Fault = fault.Kind.ToString() }, fault.Kind, now), now);
    }

    private IssueOrder Spoil(IssueOrder order, FaultKind fault, DateTimeOffset now)
    {
        switch (fault)
        {
            case FaultKind.WrongKey:
                using (var other = ECDsa.Create(ECCurve.NamedCurves.nistP256))
                {
                    return order with { Key = new PublicKey(other) };
                }

            case FaultKind.WrongSubject:
                return order with { Subject = new X500DistinguishedName("CN=somebody-else") };
            case FaultKind.WrongIssuer:
                return order with { Issuer = pki.NewStranger(now) };
            case FaultKind.Expired:
                return order with { NotBefore = now - TimeSpan.FromDays(30), NotAfter = now - TimeSpan.FromDays(1) };
            case FaultKind.NotYetValid:
                return order with { NotBefore = now + TimeSpan.FromDays(1), NotAfter = now + TimeSpan.FromDays(30) };
            case FaultKind.NotCa:
                return order with { Profile = EstProfile.Client };
            default:
                return order with { Profile = EstProfile.Ca };
        }
    }
}
