using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using EstProv.Est;
using EstProv.Platform.Time;
using Microsoft.Extensions.Logging;

namespace EstProv.Interop;

/// <summary>One client of one server, and what is done with it.</summary>
internal sealed class EstSession : IDisposable
{
    // Long before any certificate of a run, as a program's build time is.
    private static readonly DateTimeOffset BuildTime = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly Arguments _arguments;
    private readonly X509Certificate2Collection _anchors = [];
    private readonly BelievedClock _clock = new(TimeProvider.System, BuildTime);
    private readonly ILoggerFactory _logging = LoggerFactory.Create(builder => builder.AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace));
    private readonly X509Certificate2? _own;
    private readonly EstClient _client;

    public EstSession(Arguments arguments)
    {
        _arguments = arguments;
        _anchors.ImportFromPemFile(arguments.Required("trust"));
        SslStreamCertificateContext? shown = null;
        if (arguments["cert"] is { } file)
        {
            var all = new X509Certificate2Collection();
            all.ImportFromPemFile(file);
            _own = X509Certificate2.CreateFromPemFile(file, arguments.Required("key"));
            shown = SslStreamCertificateContext.Create(_own, [.. all.Skip(1)], offline: true);
        }

        _client = new EstClient(
            new EstServer
            {
                BaseUrl = new Uri(arguments.Required("url")),
                Trust = new EstTrust { Anchors = _anchors },
                Clock = _clock,
                ClientCertificate = shown,
                PasswordUse = arguments["digest"] is "yes" ? EstPasswordUse.Digest : EstPasswordUse.Basic,
                Username = arguments["user"],
                Password = arguments["password-file"] is { } password ? () => File.ReadAllText(password).TrimEnd('\n') : null,
                Credential = shown is not null ? "certificate" : arguments["user"] is not null ? "password" : "nothing",
            },
            _logging.CreateLogger("est"));
    }

    public async Task CaCertificatesAsync()
    {
        var certificates = await _client.GetCaCertificatesAsync(CancellationToken.None);
        await File.WriteAllTextAsync(_arguments.Required("out"), string.Concat(certificates.Select(c => c.ExportCertificatePem() + "\n")));
        Console.WriteLine($"{certificates.Count} CA certificates");
    }

    /// <summary>Prints the DER as base64, or <c>none</c>.</summary>
    public async Task AttributesAsync() =>
        Console.WriteLine(await _client.GetCsrAttributesAsync(CancellationToken.None) is { } der ? Convert.ToBase64String(der) : "none");

    /// <summary>The CA certificates, then the request, again as often as <c>--polls</c> says, then what certd checks too.</summary>
    public async Task EnrollAsync(bool again)
    {
        using var key = _arguments["key-in"] is { } file ? KeyPair.FromFile(file) : KeyPair.New(_arguments["key-type"]);
        if (_arguments["key-out"] is { } keyOut) await File.WriteAllTextAsync(keyOut, key.Pem);
        var ca = _arguments["ca"] is "yes";
        var content = Content(again, ca);
        var authorities = await _client.GetCaCertificatesAsync(CancellationToken.None);
        var operation = again ? EstOperation.Reenroll : EstOperation.Simple;
        var bind = _arguments["bind"] is "yes";
        if (_arguments["attributes"] is "yes")
        {
            var attributes = CsrAttributes.Parse(await _client.GetCsrAttributesAsync(CancellationToken.None));
            content = Fill(content, attributes, key, again);
            bind |= attributes.RequestsChallengePassword;
        }

        var request = CertificateSigningRequests.Create(content, key.Signer());
        for (var polls = _arguments.Number("polls", 0); ; polls--)
        {
            var answer = bind
                ? await _client.EnrollBoundAsync(
                    password => CertificateSigningRequests.Create(content with { ChallengePassword = password }, key.Signer()), operation, CancellationToken.None)
                : await _client.EnrollAsync(request, operation, CancellationToken.None);
            switch (answer)
            {
                case EstEnrollment.Issued issued:
                    var from = new IssuedFrom
                    {
                        Url = new Uri(_arguments.Required("url")),
                        Credential = "shown",
                        AlternativeNames = content.AlternativeNames,
                    };
                    var chain = IssuedCertificateCheck.Verify(
                        issued.Certificates, key.SubjectPublicKeyInfo, content.Subject, ca, _anchors, authorities, _clock, from);
                    await File.WriteAllTextAsync(_arguments.Required("out"), chain.ToPem());
                    Console.WriteLine($"issued {chain.Leaf.Subject} by {chain.Leaf.Issuer}{string.Concat(chain.Notes.Select(n => "; " + n))}");
                    return;
                case EstEnrollment.Pending pending when polls > 0:
                    Console.WriteLine($"pending, asked to wait {pending.RetryAfter.TotalSeconds:0} s");
                    await Task.Delay(TimeSpan.FromSeconds(_arguments.Number("wait", 1)));
                    break;
                case EstEnrollment.Pending pending:
                    throw new IOException($"still pending, asked to wait {pending.RetryAfter.TotalSeconds:0} s");
            }
        }
    }

    public void Dispose()
    {
        _client.Dispose();
        _own?.Dispose();
        _logging.Dispose();
    }

    /// <summary>As certd does with a name that nobody has configured.</summary>
    private static CertificateRequestContent Fill(CertificateRequestContent content, CsrAttributes attributes, KeyPair key, bool again)
    {
        var wish = new CsrWish { Content = content, Name = content.Subject.Name.Replace("CN=", "", StringComparison.Ordinal), KeepsNames = again };
        var outcome = CsrAttributesUse.Apply(attributes, wish, key.Signer().PublicKey);
        foreach (var note in outcome.Notes) Console.WriteLine(note);
        return outcome.Content;
    }

    /// <summary>What is asked for; a renewal asks for what the certificate shown has (RFC 7030 section 4.2.2).</summary>
    private CertificateRequestContent Content(bool again, bool ca)
    {
        if (again)
        {
            var old = _own ?? throw new UsageException("reenroll needs --cert and --key");
            return new CertificateRequestContent
            {
                Subject = old.SubjectName,
                Ca = ca,
                AlternativeNames = old.Extensions.FirstOrDefault(e => e.Oid?.Value == "2.5.29.17"),
            };
        }

        SubjectAlternativeNameBuilder? names = null;
        if (_arguments["dns"] is { } dns)
        {
            names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(dns);
        }

        return new CertificateRequestContent
        {
            Subject = new X500DistinguishedName(_arguments.Required("subject")),
            Ca = ca,
            PathLength = ca ? 0 : null,
            AlternativeNames = names?.Build(),
        };
    }
}
