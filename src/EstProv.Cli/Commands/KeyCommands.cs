using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using EstProv.Cli.Arguments;
using EstProv.Cli.Daemons;
using EstProv.Cli.Output;
using EstProv.LocalApi.Client;
using EstProv.Platform;

namespace EstProv.Cli.Commands;

/// <summary><c>estprov key reference</c>: writes what the provider reads (native/provider/pem.h).</summary>
internal static class KeyCommands
{
    private const int LineLength = 64;
    private const string RsaEncryption = "1.2.840.113549.1.1.1", EcPublicKey = "1.2.840.10045.2.1";

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    private static readonly Option Socket = new("--socket", "PATH", "keyd's socket, also for who uses the file; else it has the provider's own");

    private static readonly Option NoCheck = new("--no-check", null, "do not ask keyd for the key, such as while an image is built");

    public static readonly Command Reference = new()
    {
        Name = "key reference",
        WordNames = "ID",
        Summary = "Prints a file that stands for a key in keyd",
        Details = """
            Programs that take a key file use it through OpenSSL's provider estprov, as far as the user may use the key. It holds no secret, and goes
            on working when the key is renewed. The key has to be there, and this user has to have the right to use it.
            """,
        Options = [Socket, NoCheck, Option.RuntimeDir],
        Run = RunReference,
    };

    private static int RunReference(CommandLine line, Terminal terminal)
    {
        var id = line.Words[0];
        var socket = line.Value(Socket.Name);
        if (socket is not null && !Path.IsPathRooted(socket)) throw new UsageException($"{Socket.Name} takes an absolute path, not '{socket}'");
        if (!line.Has(NoCheck.Name)) Check(id, socket ?? Path.Combine(line.Value(Option.RuntimeDir.Name) ?? DaemonClients.DefaultRuntimeDir, "keyd.sock"));
        Write(terminal, UriOf(id, socket));
        return 0;
    }

    private static string UriOf(string id, string? socket)
    {
        var uri = "estprov:id=" + Uri.EscapeDataString(id);
        return socket is null ? uri : uri + "?socket=" + Uri.EscapeDataString(socket).Replace("%2F", "/", StringComparison.Ordinal);
    }

    /// <exception cref="ProblemException">keyd's, or <c>key_kind</c>: a key that the provider does not take.</exception>
    private static void Check(string id, string socket)
    {
        using var keyd = new LocalClient(socket, "estprov-keyd", "Key Service", Timeout);
        var reply = keyd.Send("GET", $"/publickey?id={Uri.EscapeDataString(id)}&api-version=2021-05-01", accept: "application/octet-stream");
        string kind;
        try
        {
            kind = PublicKey.CreateFromSubjectPublicKeyInfo(reply.Body, out _).Oid.Value ?? "";
        }
        catch (CryptographicException)
        {
            throw new ProblemException("keyd_bad_answer", $"what keyd has as the public key of '{id}' is not a SubjectPublicKeyInfo", "are both of one version? see --version");
        }

        if (kind is not (RsaEncryption or EcPublicKey))
        {
            throw new ProblemException("key_kind", $"key '{id}' is of a kind ({kind}) that OpenSSL's provider estprov does not use", "it uses EC and RSA keys");
        }
    }

    private static void Write(Terminal terminal, string uri)
    {
        var text = Convert.ToBase64String(Encoding.UTF8.GetBytes(uri));
        terminal.Line("-----BEGIN ESTPROV KEY REFERENCE-----");
        for (var at = 0; at < text.Length; at += LineLength) terminal.Line(text[at..Math.Min(at + LineLength, text.Length)]);
        terminal.Line("-----END ESTPROV KEY REFERENCE-----");
    }
}
