using System.Text.Json;
using EstProv.Configuration;
using EstProv.Platform;

namespace EstProv.Identity.Dps;

/// <summary>
/// What is sent along with a registration (<c>payload</c> of <c>DeviceRegistration</c>, REST version 2021-06-01): any JSON value, out of a
/// file of the operator's.
/// </summary>
internal sealed class DpsPayload
{
    /// <summary>DPS itself takes less; larger ones are no payload but a mistaken path.</summary>
    private const int LargestFile = 64 * 1024;

    private readonly JsonElement _value;

    private DpsPayload(JsonElement value) => _value = value;

    /// <param name="file">Its path, and where the configuration names it.</param>
    /// <exception cref="ProblemException">
    /// <c>payload_unreadable</c>, <c>payload_invalid</c>: tried again, since the file may come to be there.
    /// </exception>
    public static DpsPayload Read(Positioned<string> file)
    {
        var path = file.Value;
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
            var content = new byte[LargestFile + 1];
            var length = stream.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
            if (length > LargestFile) throw Invalid(file, $"it is larger than {LargestFile / 1024} KiB");
            using var document = JsonDocument.Parse(content.AsMemory(0, length), new JsonDocumentOptions { MaxDepth = 32 });
            return new DpsPayload(document.RootElement.Clone());
        }
        catch (JsonException cause)
        {
            throw Invalid(file, $"line {cause.LineNumber + 1}, byte {cause.BytePositionInLine + 1} is not JSON", cause);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            var why = cause switch
            {
                FileNotFoundException or DirectoryNotFoundException => "there is no such file",
                UnauthorizedAccessException => "permission denied, or it is a folder",
                _ => $"it cannot be read (error {cause.HResult & 0xFFFF})",
            };
            throw new ProblemException("payload_unreadable", $"{file.Position}: the payload {path} for DPS: {why}",
                (cause is FileNotFoundException or DirectoryNotFoundException ? "put it there"
                    : "give the daemon's user the right to read it")
                    + ", or correct payload.uri", 503, cause);
        }
    }

    public void WriteTo(Utf8JsonWriter json, string name)
    {
        json.WritePropertyName(name);
        _value.WriteTo(json);
    }

    private static ProblemException Invalid(Positioned<string> file, string why, Exception? cause = null)
        => new("payload_invalid", $"{file.Position}: the payload {file.Value} for DPS cannot be sent: {why}",
            "put one JSON value into it", 503, cause);
}
