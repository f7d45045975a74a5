namespace EstProv.Configuration.Schema;

/// <summary>What strings must look like.</summary>
internal static class Forms
{
    /// <summary>Of a key's or certificate's id.</summary>
    public const int LongestId = 128;

    /// <summary>Any string: not empty, no control characters.</summary>
    public static Fault? Text(string value)
    {
        if (value.Length == 0) return new Fault("is empty");
        foreach (var character in value)
        {
            if (char.IsControl(character)) return new Fault("has a control character in it");
        }

        return null;
    }

    /// <summary>The id of a key or certificate.</summary>
    public static Fault? Id(string value)
    {
        if (Text(value) is { } fault) return fault;
        return value.Length > LongestId ? new Fault($"is longer than {LongestId} characters") : null;
    }

    public static Fault? AbsolutePath(string value)
    {
        if (value.StartsWith("file://", StringComparison.OrdinalIgnoreCase)) return new Fault("is a URI", "write the path alone, without file://");
        return value[0] == '/' ? null : new Fault("is not an absolute path", "begin it with /");
    }

    /// <summary>Fits into <c>sockaddr_un</c>, with the suffix under which it is made ready.</summary>
    public static Fault? SocketPath(string value)
    {
        if (AbsolutePath(value) is { } fault) return fault;
        if (value.EndsWith('/')) return new Fault("is a folder", "name the socket itself");
        return System.Text.Encoding.UTF8.GetByteCount(value) > 106 ? new Fault("is longer than a socket's path can be") : null;
    }

    /// <summary>RFC 7512; its attributes are read by the Key Service.</summary>
    public static Fault? Pkcs11Uri(string value)
    {
        if (value.StartsWith("file:", StringComparison.OrdinalIgnoreCase) || value[0] == '/')
        {
            return new Fault("is a file", "keys of the operator's stand in the token; put it there with pkcs11-tool --write-object");
        }

        return value.StartsWith("pkcs11:", StringComparison.Ordinal) ? null : new Fault("is not a PKCS#11 URI", "it begins with pkcs11: (RFC 7512)");
    }

    /// <summary>RFC 5280, appendix A.1: ub-common-name.</summary>
    public static Fault? CommonName(string value) =>
        value.Length > 64 ? new Fault("is longer than a subject takes (RFC 5280)", "shorten it") : null;

    // What certificates and TLS take. keyd makes Ed25519 keys too, for whoever signs with them himself.
    private static readonly string[] KeyAlgorithms = ["ec-p256", "ec-p384", "ec-p521", "rsa-2048", "rsa-3072", "rsa-4096"];

    public static Fault? KeyAlgorithm(string value)
    {
        foreach (var part in value.Split(':'))
        {
            if (!Array.Exists(KeyAlgorithms, known => known == part))
            {
                return new Fault("is not known", NearestName.Find(part, KeyAlgorithms) is { } near ? $"did you mean \"{near}\"?" : "");
            }
        }

        return null;
    }

    public static Fault? EstUrl(string value) => Configuration.EstUrl.Parse(value, out _);

    /// <summary>The origin of a server, with no path that means anything.</summary>
    public static Fault? HttpsUrl(string value) => Configuration.EstUrl.ParseHttps(value, out _);

    /// <summary>A DPS registration id: letters, digits and <c>- . _ :</c>, at most 128, ending in a letter, a digit or a dash.</summary>
    public static Fault? RegistrationId(string value)
    {
        if (value.Length > 128) return new Fault("is longer than 128 characters");
        foreach (var character in value)
        {
            if (!char.IsAsciiLetterOrDigit(character) && character is not ('-' or '.' or '_' or ':'))
            {
                return new Fault("has a character that DPS does not take");
            }
        }

        return char.IsAsciiLetterOrDigit(value[^1]) || value[^1] == '-' ? null : new Fault("does not end in a letter, a digit or a dash");
    }

    /// <summary>A host name or address, with a port where one is said.</summary>
    public static Fault? HostName(string value)
    {
        if (value.Contains("://", StringComparison.Ordinal)) return new Fault("is a URL", "write the host name alone, without https://");
        if (!Uri.TryCreate("https://" + value, UriKind.Absolute, out var url) || url.Host.Length == 0 || url.PathAndQuery != "/"
            || url.UserInfo.Length > 0 || url.Fragment.Length > 0
            || value.EndsWith('/') || value.AsSpan().ContainsAny(" <>"))
        {
            return new Fault("is no host name", "such as example.azure-devices.net");
        }

        return null;
    }

    /// <summary>
    /// IoT Hub's device ids: at most 128 of its characters (learn.microsoft.com/azure/iot-hub/iot-hub-devguide-identity-registry).
    /// </summary>
    public static Fault? DeviceId(string value)
    {
        if (value.Length > 128) return new Fault("is longer than 128 characters");
        foreach (var character in value)
        {
            if (!char.IsAsciiLetterOrDigit(character) && !"-.+%_#*?!(),:=@$'".Contains(character))
                return new Fault("has a character that IoT Hub does not take");
        }

        return null;
    }

    /// <summary>The id of a symmetric key, and not the key: whoever writes that gets it into logs.</summary>
    public static Fault? SymmetricKeyId(string value)
    {
        const int ShortestKey = 16;
        if ((value.EndsWith('=') || value.Length >= 64) && Convert.TryFromBase64String(value, new byte[value.Length], out var length)
            && length >= ShortestKey)
        {
            return new Fault("looks like a key and not like its id",
                "keys stand in keyd alone: import it there (POST /key), and name its id here");
        }

        return Id(value);
    }

    /// <summary>A DPS scope id; the source document's placeholder passes and is warned of elsewhere.</summary>
    public static Fault? ScopeId(string value)
    {
        if (IsPlaceholder(value)) return null;
        foreach (var character in value)
        {
            if (!char.IsAsciiLetterOrDigit(character) && character is not ('-' or '_'))
            {
                return new Fault("is no scope id", "the portal shows it as 'ID Scope', such as 0ne00A1B2C3");
            }
        }

        return null;
    }

    public static bool IsPlaceholder(string value) => value.StartsWith('<') && value.EndsWith('>');
}
