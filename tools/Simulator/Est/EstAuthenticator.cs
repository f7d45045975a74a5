using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http.Features;

namespace EstProv.Simulator.Est;

/// <summary>Client certificate and HTTP Basic or Digest, as RFC 7030 sections 3.2.3 and 3.3.2 have them.</summary>
internal sealed class EstAuthenticator(EstOptions options, EstTrust trust)
{
    private readonly DigestAuthentication? _digest = options.PasswordScheme == EstPasswordScheme.Basic
        ? null
        : new DigestAuthentication(options.PasswordScheme == EstPasswordScheme.DigestSha256, options.BasicUsers, trust.Clock);

    /// <summary>The value of WWW-Authenticate; null = no passwords are known.</summary>
    public string? Challenge(Exchange exchange)
    {
        if (options.BasicUsers.Count == 0)
        {
            return null;
        }

        return _digest is null ? "Basic realm=\"estrealm\"" : _digest.Challenge(exchange.StaleNonce);
    }

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
        var scheme = _digest is null ? "Basic" : "Digest";
        problem = $"no {scheme} credentials";
        if (options.BasicUsers.Count == 0
            || !AuthenticationHeaderValue.TryParse(exchange.Request.Headers.Authorization, out var header)
            || !header.Scheme.Equals(scheme, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        return _digest is null ? ByBasic(header.Parameter ?? "", out problem) : ByDigest(exchange, header.Parameter ?? "", out problem);
    }

    private EstIdentity? ByDigest(Exchange exchange, string parameters, out string problem)
    {
        var target = exchange.Http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        var user = _digest!.Verify(parameters, exchange.Request.Method, target, out problem, out var stale);
        exchange.StaleNonce = stale;
        return user is null ? null : new EstIdentity { Name = "digest " + user, Kind = EstIdentityKind.Full };
    }

    private EstIdentity? ByBasic(string parameter, out string problem)
    {
        problem = "Basic: wrong user or password";
        var bytes = new byte[parameter.Length + 3];
        if (!Convert.TryFromBase64String(parameter, bytes, out var length))
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
