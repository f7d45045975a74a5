namespace EstProv.Est.Transport;

/// <summary>
/// Finds the alert with which the other side ended TLS (RFC 8446 section 6) in what OpenSSL left in an exception. Exceptions' texts are
/// not looked at: OpenSSL's packed error code is the HResult, which trimming does not touch.
/// </summary>
internal static class TlsAlert
{
    private const int SslLibrary = 20; // ERR_LIB_SSL
    private const int LibraryShift = 23; // ERR_LIB_OFFSET of OpenSSL 3
    private const int ReasonMask = (1 << LibraryShift) - 1;
    private const int AlertReasons = 1000; // SSL_AD_REASON_OFFSET: the reason is 1000 + the alert

    /// <returns>The alert's number, null when there was none.</returns>
    public static int? Find(Exception? failure)
    {
        for (; failure is not null; failure = failure.InnerException)
        {
            if ((uint)failure.HResult >> LibraryShift != SslLibrary) continue;
            var reason = failure.HResult & ReasonMask;
            if (reason is >= AlertReasons and < AlertReasons + 256) return reason - AlertReasons;
        }

        return null;
    }

    /// <summary>
    /// No certificate, no common cipher suite, or anything else: with TLS 1.2 the one alert for all that cannot be agreed on.
    /// </summary>
    public const int HandshakeFailure = 40;

    /// <summary>No common version of TLS.</summary>
    public const int ProtocolVersion = 70;

    /// <summary>Whether the alert is about the certificate that we showed, or did not show.</summary>
    public static bool IsAboutOurCertificate(int alert) => alert is 41 or (>= 42 and <= 46) or 48 or 49 or 51 or 116;

    /// <summary>The alert's name in the IANA registry of TLS alerts.</summary>
    public static string Name(int alert) => alert switch
    {
        10 => "unexpected_message",
        20 => "bad_record_mac",
        22 => "record_overflow",
        40 => "handshake_failure",
        41 => "no_certificate",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        ProtocolVersion => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        109 => "missing_extension",
        110 => "unsupported_extension",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        120 => "no_application_protocol",
        _ => $"alert {alert}",
    };
}
