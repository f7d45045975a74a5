namespace EstProv.Simulator.Est;

/// <summary>Habits of real EST servers. The defaults are what every known client can live with.</summary>
public sealed record EstQuirks
{
    /// <summary>Send <c>Content-Transfer-Encoding: base64</c> (RFC 8951 makes it meaningless; BouncyCastle's client wants it).</summary>
    public bool TransferEncodingHeader { get; init; } = true;

    /// <summary>Columns of base64 in answers; 0 = one line.</summary>
    public int Columns { get; init; } = 76;

    /// <summary>Lines of answers end in CR LF, else in LF.</summary>
    public bool CarriageReturns { get; init; } = true;

    /// <summary>csrattrs ends in a NUL byte (libest).</summary>
    public bool TrailingNul { get; init; }

    /// <summary>A body of one base64 line with no LF at its end is 400 (libest).</summary>
    public bool RequireFinalLineFeed { get; init; }

    /// <summary>A body without Content-Length is 400 (libest).</summary>
    public bool RefuseChunked { get; init; }

    /// <summary>PEM armour around the request is accepted (libest), else 400 (GlobalSign).</summary>
    public bool AcceptPem { get; init; }

    /// <summary>cacerts gives the root alone (libest, opencertserver), else issuing CA then root (GlobalSign).</summary>
    public bool CaCertsRootOnly { get; init; }

    /// <summary>cacerts ends with the CA of the EST server itself, for clients that know its fingerprint only (RFC 7030 section 4.1.1).</summary>
    public bool CaCertsServerCa { get; init; }

    /// <summary>A request without the tls-unique of its own TLS session in challengePassword is 400 (RFC 7030 section 3.5).</summary>
    public bool RequireChannelBinding { get; init; }

    /// <summary>cacerts is sent without the media type's smime-type parameter (GlobalSign).</summary>
    public bool CaCertsBareMediaType { get; init; }

    /// <summary>A 401 carries no WWW-Authenticate.</summary>
    public bool NoChallenge { get; init; }

    /// <summary>Authentication failures are 403 with a Bearer challenge (opencertserver).</summary>
    public bool ForbiddenInsteadOfUnauthorized { get; init; }

    /// <summary>The connection is closed after a 401 (libest).</summary>
    public bool CloseAfterUnauthorized { get; init; }

    /// <summary>Client certificates are judged in the handshake, a bad one is a TLS alert (GlobalSign); else at HTTP level.</summary>
    public bool VerifyInHandshake { get; init; }

    /// <summary>TLS 1.2 is the newest version (libest).</summary>
    public bool Tls12Only { get; init; }

    /// <summary>HTTP/1.1 is the newest version.</summary>
    public bool Http1Only { get; init; }

    /// <summary>
    /// Every answer is HTTP/1.0 and closes the connection, whatever was asked in (libest in Debian's build). Without it a request in
    /// HTTP/1.0 alone is answered so: that build's client reads nothing else.
    /// </summary>
    public bool Http10Answers { get; init; }

    /// <summary>Subject alternative names of the request are dropped (libest).</summary>
    public bool DropSubjectAlternativeNames { get; init; }

    /// <summary>Re-enrolment takes any subject (libest), else it must be the client certificate's.</summary>
    public bool ReenrollAnySubject { get; init; }

    /// <summary>Re-enrolment with any subject alternative name is 400 (opencertserver).</summary>
    public bool ReenrollRefusesSubjectAlternativeNames { get; init; }

    /// <summary>Re-enrolment answers leaf and issuing CA (opencertserver).</summary>
    public bool ReenrollSendsChain { get; init; }

    public static EstQuirks GlobalSign { get; } = new() { CaCertsBareMediaType = true, VerifyInHandshake = true };

    public static EstQuirks LibEst { get; } = new()
    {
        Columns = 64,
        CarriageReturns = false,
        TrailingNul = true,
        RequireFinalLineFeed = true,
        RefuseChunked = true,
        AcceptPem = true,
        CaCertsRootOnly = true,
        CloseAfterUnauthorized = true,
        Tls12Only = true,
        Http1Only = true,
        Http10Answers = true,
        DropSubjectAlternativeNames = true,
        ReenrollAnySubject = true,
    };

    public static EstQuirks OpenCertServer { get; } = new()
    {
        TransferEncodingHeader = false,
        Columns = 0,
        CaCertsRootOnly = true,
        ForbiddenInsteadOfUnauthorized = true,
        ReenrollRefusesSubjectAlternativeNames = true,
        ReenrollSendsChain = true,
    };
}
