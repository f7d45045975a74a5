using System.Text;
using EstProv.Cli.Arguments;
using EstProv.Cli.Output;

namespace EstProv.Cli.Commands;

/// <summary><c>estprov key reference</c>.</summary>
internal static class KeyCommands
{
    private const int LineLength = 64;

    public static readonly Command Reference = new()
    {
        Name = "key reference",
        WordNames = "ID",
        Summary = "Prints a file that stands for a key in keyd",
        Details = """
            Programs that take a key file use it through OpenSSL's provider estprov, as far as the user may use the key. It holds no secret, and goes
            on working when the key is renewed.
            """,
        Run = RunReference,
    };

    private static int RunReference(CommandLine line, Terminal terminal)
    {
        var id = line.Words[0];
        if (id.Length == 0) throw new UsageException("the key's id is empty");
        var text = Convert.ToBase64String(Encoding.UTF8.GetBytes("estprov:id=" + Uri.EscapeDataString(id)));
        terminal.Line("-----BEGIN ESTPROV KEY REFERENCE-----");
        for (var at = 0; at < text.Length; at += LineLength) terminal.Line(text[at..Math.Min(at + LineLength, text.Length)]);
        terminal.Line("-----END ESTPROV KEY REFERENCE-----");
        return 0;
    }
}
