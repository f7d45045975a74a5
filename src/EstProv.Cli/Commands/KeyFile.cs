using EstProv.Platform;

namespace EstProv.Cli.Commands;

/// <summary>
/// A new file for a private key, for its owner alone and never over another one. It is made before there is a key, so that none is lost for
/// want of a place; without one it
/// goes again.
/// </summary>
internal sealed class KeyFile : IDisposable
{
    private readonly string _path;
    private readonly FileStream _file;
    private bool _isWritten;

    /// <exception cref="ProblemException"><c>file_write</c>.</exception>
    public KeyFile(string path)
    {
        _path = path;
        try
        {
            _file = new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                BufferSize = 0,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            });
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw EstFiles.CannotWrite(path, cause);
        }
    }

    /// <exception cref="ProblemException"><c>file_write</c>.</exception>
    public void Write(ReadOnlySpan<byte> pem)
    {
        try
        {
            _file.Write(pem);
            _file.WriteByte((byte)'\n');
            _file.Flush(flushToDisk: true);
            _isWritten = true;
        }
        catch (IOException cause)
        {
            throw EstFiles.CannotWrite(_path, cause);
        }
    }

    public void Dispose()
    {
        _file.Dispose();
        if (!_isWritten) File.Delete(_path);
    }
}
