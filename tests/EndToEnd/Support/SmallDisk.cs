namespace EstProv.EndToEnd.Tests.Support;

/// <summary>A file system of 256 KiB over a folder, that can be filled. Needs root, as CI and the documented set-up have it.</summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly string _folder;

    public SmallDisk(string folder)
    {
        _folder = folder;
        Tool.Run("mount", ["-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs", folder]);
    }

    private string Ballast => Path.Combine(_folder, "ballast");

    public void Fill()
    {
        try
        {
            using var file = File.Create(Ballast, bufferSize: 1);
            var block = new byte[4096];
            while (true) file.Write(block);
        }
        catch (IOException)
        {
            // That is what full means.
            return;
        }
    }

    public void Free() => File.Delete(Ballast);

    public void Dispose() => Tool.Run("umount", ["--lazy", _folder]);
}
