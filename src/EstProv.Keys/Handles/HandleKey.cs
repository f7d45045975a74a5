using System.Security.Cryptography;
using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.Keys.Handles;

/// <summary>
/// The 32 bytes that authenticate handles, in a file of the state folder. Made at the first use that finds none, so that a full or
/// read-only file system costs the requests of that time, and not the service.
/// </summary>
internal sealed partial class HandleKey(StateFolder folder, ILogger logger)
{
    private const int Length = 32;

    private readonly Lock _gate = new();
    private volatile byte[]? _bytes;

    /// <exception cref="ProblemException"><c>disk_full</c>, <c>file_*</c>, <c>state_folder</c>: tried again at the next use.</exception>
    public byte[] Bytes => _bytes ?? LoadOrMake();

    /// <summary>Has the state folder and the key made, where they are not there, for who is about to make something that a handle is to be given out for.</summary>
    /// <exception cref="ProblemException">As <see cref="Bytes"/>.</exception>
    public void Prepare() => _ = Bytes;

    private byte[] LoadOrMake()
    {
        lock (_gate)
        {
            if (_bytes is { } known) return known;
            folder.Prepare();
            return _bytes = Load(folder.HandleKey) ?? Make(folder.HandleKey);
        }
    }

    private byte[]? Load(string path)
    {
        try
        {
            var bytes = File.ReadAllBytes(path);
            if (bytes.Length == Length) return bytes;
            Log.HandlesVoid(logger, path);
            return null;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new ProblemException("file_permission", $"{path} cannot be read", "give the file to the Key Service's user", 500, cause);
        }
    }

    private static byte[] Make(string path)
    {
        var bytes = RandomNumberGenerator.GetBytes(Length);
        AtomicFile.Write(path, bytes);
        return bytes;
    }

    private static partial class Log
    {
        [LoggerMessage(22, LogLevel.Warning, "{File} was damaged and is replaced: handles given out before are void, clients load their keys again")]
        public static partial void HandlesVoid(ILogger logger, string file);
    }
}
