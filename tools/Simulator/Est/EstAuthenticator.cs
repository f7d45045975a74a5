using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;

namespace EstProv.Simulator.Est;

/// <summary>Client certificate and HTTP Basic, as RFC 7030 sections 3.2.3 and 3.3.2 have them.</summary>
internal sealed class EstAuthenticator(EstOptions options, EstTrust trust)
{
    /// <summary>The identity; null = not authenticated, and <paramref name="problem"/> says why.</summary>
    public EstIdentity? Authenticate(Exchange exchange, out string problem)
    {
        var byCertificate = ByCertificate(exchange, out var certificateProblem);
        var byPassword = ByPassword(exchange, out var passwordProblem);
        problem = options.BasicUsers.Count == 0 ? certificateProblem : certificateProblem + "; " + passwordProblem;
        return options.Require switch
        {
            EstRequirement.Certificate => byCertificate,
            EstRequirement.Basic => byPassword,
            EstRequirement.Both when byCertificate is not null && byPassword is not null
                => byCertificate with { Name = byCertificate.Name + " and " + byPassword.Name, Kind = byCertificate.Kind },
            EstRequirement.Both => null,
            _ => byCertificate ?? byPassword,
        };
    }

    private EstIdentity? ByCertificate(Exchange exchange, out string problem)
    {
        if (exchange.Client is not { } client)
        {
            problem = "no client certificate";
            return null;
        }

        var refused = trust.Verify(client, out var kind);
        problem = "client certificate: " + refused;
        return refused is null ? new EstIdentity { Name = "certificate " + client.Leaf.Subject, Certificate = client.Leaf, Kind = kind } : null;
    }

    private EstIdentity? ByPassword(Exchange exchange, out string problem)
    {
        problem = "no Basic credentials";
        if (options.BasicUsers.Count == 0
            || !AuthenticationHeaderValue.TryParse(exchange.Request.Headers.Authorization, out var header)
            || !header.Scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        problem = "Basic: wrong user or password";
        var bytes = new byte[(header.Parameter?.Length ?? 0) + 3];
        if (!Convert.TryFromBase64String(header.Parameter ?? "", bytes, out var length))
        {
            return null;
        }

        var pair = Encoding.UTF8.GetString(bytes, 0, length);
        var colon = pair.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0 || !options.BasicUsers.TryGetValue(pair[..colon], out var password))
        {
            return null;
        }

        var same = CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(pair[(colon + 1)..]), Encoding.UTF8.GetBytes(password));
        return same ? new EstIdentity { Name = "basic " + pair[..colon], Kind = EstIdentityKind.Full } : null;
    }
}
