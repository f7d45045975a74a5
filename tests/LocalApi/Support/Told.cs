using System.Text.Json;
using EstProv.Messages;

namespace EstProv.LocalApi.Tests.Support;

/// <summary>What a user reads of an answer as it came over the socket, and of a line of the log, held to a file of tests/Messages.</summary>
internal static class Told
{
    public static void Shown(string name, RawAnswer answer)
    {
        using var problem = JsonDocument.Parse(answer.Body);
        string Of(string field) => problem.RootElement.GetProperty(field).GetString()!;
        Message.Shown(name, Of("code"), $"error: {Of("message")}\nhint: {Of("hint")}");
    }

    /// <param name="name">The code, or the code, a hyphen and the case.</param>
    /// <param name="line"><c>Warning: what (code=…; hint: …)</c>.</param>
    /// <param name="names">As those of <see cref="Message"/>.</param>
    public static void Shown(string name, string line, params (string What, string Called)[] names)
    {
        var (code, text) = Message.OfLog(line);
        Message.Shown(name, code, text, names);
    }
}
