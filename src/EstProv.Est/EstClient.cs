using System.Security.Cryptography.X509Certificates;
using EstProv.Est.Messages;
using EstProv.Est.Transport;
using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.Est;

/// <summary>
/// A client of one EST server (RFC 7030, RFC 8951). Operations one after another share one TLS connection. Thread-safe.
/// </summary>
/// <remarks>
/// Every operation throws <see cref="ProblemException"/>, which names the URL and the credential:
/// <list type="table">
/// <item><term><c>est_bad_url</c></term><description>the base URL is no https URL, or names an operation</description></item>
/// <item><term><c>est_full_cmc</c></term><description>the base URL asks for full CMC</description></item>
/// <item><term><c>est_unreachable</c>, <c>est_dns</c>, <c>est_timeout</c>, <c>est_reset</c></term><description>no answer, by what failed</description></item>
/// <item><term><c>est_tls_name</c>, <c>est_tls_untrusted</c>, <c>est_tls_expired</c>, <c>est_tls_not_yet_valid</c>, <c>est_tls_certificate</c></term>
/// <description>the server's certificate was not accepted</description></item>
/// <item><term><c>est_tls_alert</c></term><description>the server ended TLS with an alert that is, or may be, about our certificate</description></item>
/// <item><term><c>est_tls</c></term><description>TLS failed otherwise, by another alert too</description></item>
/// <item><term><c>est_unauthorized</c>, <c>est_forbidden</c>, <c>est_not_found</c>, <c>est_rejected</c>, <c>est_busy</c>, <c>est_server_error</c>,
/// <c>est_redirect</c></term><description>401, 403, 404, other 4xx, 429 and 503, other 5xx, 3xx</description></item>
/// <item><term><c>est_bad_answer</c></term><description>the answer is not what RFC 7030 asks for</description></item>
/// <item><term><c>est_no_password</c></term><description>a user name without a password</description></item>
/// <item><term><c>est_proxy</c>, <c>proxy_bad_url</c></term><description>the proxy stands in the way; what was set is no proxy</description></item>
/// <item><term><c>est_no_channel_binding</c></term><description>the TLS session has no tls-unique</description></item>
/// <item><term><c>est_fingerprint</c></term><description>no CA certificate of the server's has the approved fingerprint</description></item>
/// </list>
/// Where the server sent Retry-After, <see cref="ProblemException.RetryAfter"/> is set.
/// </remarks>
public sealed class EstClient : IDisposable
{
    private readonly EstServer _server;
    private readonly EstExchange _exchange;

    public EstClient(EstServer server, ILogger logger)
        : this(server, new EstExchange(server, logger))
    {
    }

    private EstClient(EstServer server, EstExchange exchange)
    {
        _server = server;
        _exchange = exchange;
    }

    /// <summary>The last connection's TLS stood, so that the server is verified, whatever came then.</summary>
    public bool IsVerified => _exchange.IsVerified;

    /// <summary>Another label of the same server, over the same connections; disposing either closes them.</summary>
    /// <exception cref="ProblemException"><c>est_bad_url</c>: no base URL, or another server's.</exception>
    public EstClient ForLabel(Uri baseUrl)
    {
        var label = _server with { BaseUrl = baseUrl };
        return new EstClient(label, _exchange.ForLabel(label));
    }

    /// <summary>The CA certificates of this label (<c>/cacerts</c>, section 4.1), as sent.</summary>
    public async Task<X509Certificate2Collection> GetCaCertificatesAsync(CancellationToken cancel)
    {
        var reply = await _exchange.GetAsync("cacerts", cancel).ConfigureAwait(false);
        return reply.Status == 200 ? CertsOnly.Decode(reply) : throw StatusProblems.Explain(reply, _server);
    }

    /// <summary>
    /// What the server wants to see in a request (<c>/csrattrs</c>, section 4.5.2): DER of CsrAttrs; null when it wants nothing (204, 404,
    /// an empty answer).
    /// </summary>
    public async Task<byte[]?> GetCsrAttributesAsync(CancellationToken cancel)
    {
        var reply = await _exchange.GetAsync("csrattrs", cancel).ConfigureAwait(false);
        return reply.Status switch
        {
            204 or 404 => null,
            200 => CsrAttributesBody.Decode(reply),
            _ => throw StatusProblems.Explain(reply, _server),
        };
    }

    /// <summary>Sends a certificate request (section 4.2).</summary>
    /// <param name="pkcs10Der">PKCS#10, signed by the key that it is for.</param>
    /// <param name="operation">How.</param>
    public async Task<EstEnrollment> EnrollAsync(byte[] pkcs10Der, EstOperation operation, CancellationToken cancel)
    {
        var reply = await _exchange.PostAsync(PathOf(operation), Base64Body.Encode(pkcs10Der), cancel).ConfigureAwait(false);
        return Enrollment(reply);
    }

    /// <summary>
    /// Sends a certificate request that is bound to the TLS session it goes over (section 3.5): over a new TLS 1.2 session, since TLS 1.3 has no
    /// tls-unique (RFC 9266).
    /// </summary>
    /// <param name="pkcs10Der">
    /// Makes the PKCS#10 with this challengePassword (<see cref="CertificateRequestContent.ChallengePassword"/>). Asked again where the server wants a password
    /// first, since that takes another session (section 4.2.3).
    /// </param>
    /// <param name="operation">How.</param>
    public async Task<EstEnrollment> EnrollBoundAsync(Func<string, byte[]> pkcs10Der, EstOperation operation, CancellationToken cancel) =>
        Enrollment(await _exchange.PostBoundAsync(PathOf(operation), password => Base64Body.Encode(pkcs10Der(password)), cancel).ConfigureAwait(false));

    /// <summary>Has the server make a key and a certificate for it (section 4.4).</summary>
    /// <param name="pkcs10Der">PKCS#10; of its key nothing is taken.</param>
    /// <param name="encrypted">
    /// The request names a key that the new one is to be encrypted for (<see cref="CertificateRequestContent.DecryptKeyIdentifier"/>): an answer that is not is refused.
    /// </param>
    /// <returns><see cref="EstEnrollment.IssuedWithKey"/> or <see cref="EstEnrollment.Pending"/>.</returns>
    public async Task<EstEnrollment> GenerateKeyAsync(byte[] pkcs10Der, bool encrypted, CancellationToken cancel)
    {
        var reply = await _exchange.PostAsync("serverkeygen", Base64Body.Encode(pkcs10Der), cancel).ConfigureAwait(false);
        return reply.Status == 200 ? ServerKeyAnswer.Decode(reply, encrypted) : Enrollment(reply);
    }

    public void Dispose() => _exchange.Dispose();

    private static string PathOf(EstOperation operation) => operation == EstOperation.Reenroll ? "simplereenroll" : "simpleenroll";

    private EstEnrollment Enrollment(EstReply reply) => reply.Status switch
    {
        200 => new EstEnrollment.Issued(LeafFirst.Order(CertsOnly.Decode(reply))),
        202 => new EstEnrollment.Pending(reply.RetryAfter ?? RetryAfterHeader.WhenMissing),
        _ => throw StatusProblems.Explain(reply, _server),
    };
}
