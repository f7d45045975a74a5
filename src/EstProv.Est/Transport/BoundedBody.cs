using EstProv.Est.Messages;

namespace EstProv.Est.Transport;

/// <summary>Reads an answer of bounded size: nothing in EST is large.</summary>
internal static class BoundedBody
{
    private const int Longest = 256 * 1024;

    public static async Task<byte[]> ReadAsync(HttpContent content, EstReply reply, CancellationToken cancel)
    {
        if (content.Headers.ContentLength > Longest) throw TooLong(reply);
        using var stream = await content.ReadAsStreamAsync(cancel).ConfigureAwait(false);
        var buffer = new byte[Math.Max(1, (int)(content.Headers.ContentLength ?? 4096))];
        var length = 0;
        while (true)
        {
            var read = await stream.ReadAsync(buffer.AsMemory(length), cancel).ConfigureAwait(false);
            length += read;
            if (read == 0) return buffer[..length];
            if (length > Longest) throw TooLong(reply);
            if (length == buffer.Length) Array.Resize(ref buffer, Math.Min(Longest + 1, Math.Max(4096, 2 * buffer.Length)));
        }
    }

    private static Platform.ProblemException TooLong(EstReply reply) =>
        BadAnswer.Explain(reply, $"the answer (HTTP {reply.Status}) is longer than {Longest / 1024} KiB");
}
