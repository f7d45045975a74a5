using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Simulator.Faults;
using EstProv.Simulator.Pki;

namespace EstProv.Simulator.Est;

/// <summary>EST server (RFC 7030): cacerts, simpleenroll, simplereenroll, csrattrs, serverkeygen, with and without labels.</summary>
internal sealed class EstService(SimulatorOptions options, SimulatorPki pki, EstTrust trust, EstIssuance issuance, SimulatorClock clock) : IService
{
    private const string CertsOnly = "application/pkcs7-mime; smime-type=certs-only";
    private readonly EstAuthenticator _authenticator = new(options.Est, trust);

    private EstQuirks Quirks => options.Est.Quirks;

    public PendingRequests Pending { get; } = new();

    /// <summary>CsrAttrs of labels that were changed since the start: DER, base64; null = 204.</summary>
    public ConcurrentDictionary<string, string?> Attributes { get; } = new(StringComparer.Ordinal);

    public Task FailAsync(Exchange exchange, int status) => exchange.AnswerAsync(status, "text/plain", []);

    public void Classify(Exchange exchange)
    {
        var path = exchange.Segments;
        if (path is [".well-known", "est", .., var operation] && path.Length is 3 or 4
            && operation is "cacerts" or "simpleenroll" or "simplereenroll" or "csrattrs" or "serverkeygen")
        {
            exchange.Route = operation;
            exchange.Label = path.Length == 4 ? path[2] : "default";
        }
    }

    public Task HandleAsync(Exchange exchange)
    {
        if (exchange.Label is null || !options.Est.Labels.TryGetValue(exchange.Label, out var label))
        {
            return exchange.TextAsync(404, exchange.Label is null ? "no such EST operation" : "no such label");
        }

        var profile = options.Est.SingleProfile ?? label.Profile;
        var authority = label.Issuer == EstIssuerName.Identity ? pki.Identity : pki.DeviceIdentity;
        var wanted = exchange.Route is "cacerts" or "csrattrs" ? "GET" : "POST";
        if (exchange.Request.Method != wanted)
        {
            exchange.Http.Response.Headers.Allow = wanted;
            return exchange.TextAsync(405, "method not allowed");
        }

        return exchange.Route switch
        {
            "cacerts" => CaCertificatesAsync(exchange, authority),
            "csrattrs" => AttributesAsync(exchange, label),
            var operation => EnrollAsync(exchange, operation, label, profile, authority),
        };
    }

    private Task CaCertificatesAsync(Exchange exchange, Authority authority)
    {
        X509Certificate2Collection certificates = Quirks.CaCertsRootOnly ? [authority.Root.Certificate] : [authority.Certificate, authority.Root.Certificate];
        if (Quirks.CaCertsServerCa)
        {
            certificates.Add(pki.EstServer.Certificate);
        }

        if (pki.IsOverlap)
        {
            certificates.AddRange(pki.Rollover!.Published);
        }

        if (exchange.TakeFault(FaultKind.ForgedRoot) is not null)
        {
            // A root of the attacker's, a cross certificate of a namesake of the old root, and nothing else.
            var (thief, namesake) = (pki.NewStranger(clock.Now), pki.NewNamesake(pki.EstServer, clock.Now));
            certificates = [thief.Certificate, RootRollover.Between(namesake, thief, clock.Now).NewWithOld];
        }

        return CertificatesAsync(exchange, certificates, Quirks.CaCertsBareMediaType ? "application/pkcs7-mime" : CertsOnly);
    }

    private Task AttributesAsync(Exchange exchange, EstLabel label)
    {
        if (!Attributes.TryGetValue(exchange.Label!, out var attributes))
        {
            attributes = label.CsrAttributes;
        }

        if (attributes is null)
        {
            return exchange.AnswerAsync(204, null, []);
        }

        MarkBase64(exchange);
        return exchange.AnswerAsync(200, "application/csrattrs", EstBody.Encode(Convert.FromBase64String(attributes), Quirks, Quirks.TrailingNul));
    }

    private async Task EnrollAsync(Exchange exchange, string operation, EstLabel label, EstProfile profile, Authority authority)
    {
        if (_authenticator.Authenticate(exchange, out var problem) is not { } identity)
        {
            await RefuseAsync(exchange, problem);
            return;
        }

        exchange.Credential = identity.Name;
        var body = await exchange.BodyAsync();
        if (exchange.Request.ContentType?.Split(';')[0].Trim() != "application/pkcs10")
        {
            await exchange.TextAsync(415, "application/pkcs10 is due");
            return;
        }

        if (body is null || EstBody.Decode(body, exchange.Request.ContentLength is null, Quirks, out problem) is not { } der)
        {
            await exchange.TextAsync(400, body is null ? "request too long" : problem);
            return;
        }

        SigningRequest request;
        try
        {
            request = SigningRequest.Parse(der);
        }
        catch (CryptographicException)
        {
            await exchange.TextAsync(400, "not a PKCS#10 request with a right signature");
            return;
        }

        var again = operation == "simplereenroll";
        if (EstPolicy.Refusal(options.Est, identity, request, label, again) is { } refusal)
        {
            await exchange.TextAsync(refusal.Status, refusal.Text);
            return;
        }

        if (Quirks.RequireChannelBinding && !SessionBinding.Holds(request, exchange.Connection.Tls))
        {
            await exchange.TextAsync(400, "the request is not bound to this TLS session");
            return;
        }

        if (Pending.Ask(request.Digest, () => exchange.TakeFault(FaultKind.Pending)) is { } wait)
        {
            exchange.RetryAfter(wait);
            exchange.Note = "pending";
            await exchange.AnswerAsync(202, null, []);
            return;
        }

        using var made = operation == "serverkeygen" ? ECDsa.Create(ECCurve.NamedCurves.nistP256) : null;
        X509Certificate2? recipient = null;
        if (made is not null)
        {
            recipient = EstKeyGeneration.Recipient(request, exchange.Client?.Leaf, out var unknown);
            if (unknown.Length > 0)
            {
                await exchange.TextAsync(400, unknown);
                return;
            }
        }

        var certificate = issuance.Issue(exchange, identity, request, label, profile, authority, operation, made is null ? null : new PublicKey(made));
        exchange.Note = $"issued {certificate.Subject} serial {certificate.SerialNumber} until {certificate.NotAfter.ToUniversalTime():yyyy-MM-dd'T'HH:mm:ss'Z'}";
        X509Certificate2Collection answer = [certificate];
        if (options.Est.SendChain || (again && Quirks.ReenrollSendsChain))
        {
            answer.Add(authority.Certificate);
        }

        if (made is not null)
        {
            await exchange.AnswerAsync(200, EstKeyGeneration.MediaType, EstKeyGeneration.Answer(made, recipient, authority, DegeneratePkcs7.Encode(answer), Quirks));
            return;
        }

        await CertificatesAsync(exchange, answer, CertsOnly);
    }

    private Task CertificatesAsync(Exchange exchange, X509Certificate2Collection certificates, string mediaType)
    {
        MarkBase64(exchange);
        if (exchange.TakeFault(FaultKind.EmptyPkcs7) is not null)
        {
            certificates = [];
        }

        var der = DegeneratePkcs7.Encode(certificates);
        if (exchange.TakeFault(FaultKind.NotPkcs7) is not null)
        {
            der = "this is not the answer that was asked for"u8.ToArray();
        }

        return exchange.AnswerAsync(200, mediaType, EstBody.Encode(der, Quirks));
    }

    private Task RefuseAsync(Exchange exchange, string problem)
    {
        exchange.Note = "unauthorized: " + problem;
        var headers = exchange.Http.Response.Headers;
        if (Quirks.CloseAfterUnauthorized)
        {
            headers.Connection = "close";
        }

        if (Quirks.ForbiddenInsteadOfUnauthorized)
        {
            headers.WWWAuthenticate = "Bearer";
            return exchange.AnswerAsync(403, null, []);
        }

        if (!Quirks.NoChallenge && _authenticator.Challenge(exchange) is { } challenge)
        {
            headers.WWWAuthenticate = challenge;
        }

        // BouncyCastle's client wants no body here.
        return exchange.AnswerAsync(401, null, []);
    }

    private void MarkBase64(Exchange exchange)
    {
        if (Quirks.TransferEncodingHeader)
        {
            exchange.Http.Response.Headers["Content-Transfer-Encoding"] = "base64";
        }
    }
}
