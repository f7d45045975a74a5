using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Cli.Arguments;

namespace EstProv.Cli.Commands;

/// <summary>Options of <c>estprov est …</c>.</summary>
internal static class EstOptions
{
    public static readonly Option Url = new("--url", "URL", "the EST server: https://HOST[:PORT]/.well-known/est[/LABEL]");

    public static readonly Option Ca = new("--ca", "FILE", "PEM of the CA certificates that the server is verified by");

    public static readonly Option Fingerprint = new("--fingerprint", "F", "without --ca: sha256:HEX of the CA, which is then fetched");

    public static readonly Option Certificate = new("--cert", "FILE", "PEM of the certificate to show, with its intermediates");

    public static readonly Option Key = new("--key", "FILE", "PEM of its key; or estprov:id=ID for a key in keyd");

    public static readonly Option User = new("--user", "NAME", "user name for HTTP authentication");

    public static readonly Option PasswordFile = new("--password-file", "FILE", "file with the password");

    public static readonly Option Digest = new("--digest", null, "show the password by HTTP Digest only");

    public static readonly Option Proxy = new("--proxy", "URL", "http://HOST:PORT in place of https_proxy of the environment");

    public static readonly Option Out = new("--out", "FILE", "write there, not to the terminal");

    public static readonly Option Csr = new("--csr", "FILE", "the request, PKCS#10 as PEM or DER");

    public static readonly Option Subject = new("--subject", "NAME", "what the certificate is for, such as CN=device-0001");

    public static readonly Option KeyOut = new("--key-out", "FILE", "where the key goes; must not be there yet");

    public static readonly Option Encrypt = new("--encrypt", null, "have the key encrypted on its way for the RSA key of --cert");

    /// <summary>What every command needs to reach the server.</summary>
    public static readonly Option[] Server = [Url, Ca, Fingerprint, Certificate, Key, User, PasswordFile, Digest, Proxy, Option.RuntimeDir, Out];

    /// <exception cref="UsageException">It is not given.</exception>
    public static string Needed(CommandLine line, Option option) => line.Value(option.Name) ?? throw new UsageException($"{option.Name} {option.ValueName} is missing");

    /// <exception cref="UsageException">It is none.</exception>
    public static X500DistinguishedName Name(Option option, string text)
    {
        try
        {
            return new X500DistinguishedName(text);
        }
        catch (CryptographicException)
        {
            throw new UsageException($"{option.Name} takes a name such as CN=device-0001, not '{text}'");
        }
    }
}
