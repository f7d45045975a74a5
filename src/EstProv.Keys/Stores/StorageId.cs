using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;

namespace EstProv.Keys.Stores;

/// <summary>
/// The name of one key pair inside a store: 16 random bytes, chosen and journalled before the pair is generated. In a token it is
/// CKA_ID, in the file store the file's name.
/// </summary>
internal readonly record struct StorageId(UInt128 Value)
{
    public static StorageId Random()
    {
        Span<byte> bytes = stackalloc byte[16];
        RandomNumberGenerator.Fill(bytes);
        return new StorageId(BinaryPrimitives.ReadUInt128BigEndian(bytes));
    }

    /// <param name="text">32 hexadecimal digits.</param>
    public static bool TryParse(string? text, out StorageId id)
    {
        var valid = UInt128.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) && text!.Length == 32;
        id = new StorageId(value);
        return valid;
    }

    public byte[] ToBytes()
    {
        var bytes = new byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, Value);
        return bytes;
    }

    /// <summary>32 hexadecimal digits.</summary>
    public override string ToString() => Value.ToString("x32", CultureInfo.InvariantCulture);
}
