namespace EstProv.Simulator.Faults;

/// <summary>What can be made to go wrong. In JSON in kebab case: <c>wrong-key</c>, <c>tls-unknown-ca</c> …</summary>
public enum FaultKind
{
    /// <summary>Any service: this status, with Retry-After and body as told.</summary>
    Status,

    /// <summary>Any service: wait before going on as usual.</summary>
    Delay,

    /// <summary>Any service: TCP reset instead of an answer.</summary>
    Reset,

    /// <summary>Any service: the answer breaks off in its middle.</summary>
    HalfAnswer,

    /// <summary>Any service: the right answer under another media type.</summary>
    WrongContentType,

    /// <summary>DPS and hub: the server's clock is off, for its Date, for tokens and for certificates.</summary>
    ClockSkew,

    /// <summary>Any service: the server certificate is for another name.</summary>
    TlsName,

    /// <summary>Any service: the server certificate is from a CA that nobody knows.</summary>
    TlsUnknownCa,

    /// <summary>Any service: the server certificate has expired.</summary>
    TlsExpired,

    /// <summary>Any service: the handshake is refused.</summary>
    TlsAlert,

    /// <summary>Any service: a client certificate is answered with a TLS alert, whatever it is.</summary>
    TlsClientAlert,

    /// <summary>EST: base64 of something that is no PKCS#7.</summary>
    NotPkcs7,

    /// <summary>EST: PKCS#7 with no certificate in it.</summary>
    EmptyPkcs7,

    /// <summary>EST: cacerts tells of a root that nobody whom the client trusts vouches for.</summary>
    ForgedRoot,

    /// <summary>EST: the certificate is for another key.</summary>
    WrongKey,

    /// <summary>EST: the certificate has another subject.</summary>
    WrongSubject,

    /// <summary>EST: the certificate is from a CA that nobody knows.</summary>
    WrongIssuer,

    /// <summary>EST: the certificate has expired.</summary>
    Expired,

    /// <summary>EST: the certificate is not yet valid.</summary>
    NotYetValid,

    /// <summary>EST: an end-entity certificate, whatever the label.</summary>
    NotCa,

    /// <summary>EST: a CA certificate, whatever the label.</summary>
    IsCa,

    /// <summary>EST: 202 for so many polls of the same request, then its certificate.</summary>
    Pending,

    /// <summary>DPS: a registration ends in this state (assigned, failed, disabled, unassigned, assigning).</summary>
    DpsState,
}
