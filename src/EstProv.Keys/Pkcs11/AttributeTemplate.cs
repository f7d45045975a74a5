using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Net.Pkcs11Interop.Common;
using Net.Pkcs11Interop.LowLevelAPI80;

namespace EstProv.Keys.Pkcs11;

/// <summary>Attributes to search, generate or read with. Their values are pinned arrays, so that nothing needs to be freed.</summary>
internal sealed class AttributeTemplate
{
    private readonly List<CK_ATTRIBUTE> _items = new(10);
    private readonly List<byte[]> _values = new(10);

    public ulong Count => (ulong)_items.Count;

    public CK_ATTRIBUTE[] ToArray() => [.. _items];

    /// <summary>A copy of what the module wrote.</summary>
    public byte[] Value(int index, int length) => _values[index][..length];

    /// <summary>The value of an attribute; null where it has none of this type.</summary>
    public byte[]? Find(CKA type)
    {
        var index = _items.FindIndex(item => item.type == (ulong)type);
        return index < 0 ? null : _values[index][..(int)_items[index].valueLen];
    }

    /// <summary>The others; their values belong to this template.</summary>
    public CK_ATTRIBUTE[] Without(CKA type) => [.. _items.FindAll(item => item.type != (ulong)type)];

    /// <summary>Forgets the values: one of them is a key.</summary>
    public void Clear()
    {
        foreach (var value in _values) CryptographicOperations.ZeroMemory(value);
    }

    public AttributeTemplate Add(CKA type, ReadOnlySpan<byte> value)
    {
        var pinned = GC.AllocateUninitializedArray<byte>(Math.Max(value.Length, 1), pinned: true);
        value.CopyTo(pinned);
        _values.Add(pinned);
        _items.Add(new CK_ATTRIBUTE
        {
            type = (ulong)type,
            value = Marshal.UnsafeAddrOfPinnedArrayElement(pinned, 0),
            valueLen = (ulong)value.Length,
        });
        return this;
    }

    public AttributeTemplate Add(CKA type, bool value) => Add(type, [value ? (byte)1 : (byte)0]);

    /// <summary>A CK_ULONG.</summary>
    public AttributeTemplate Add(CKA type, ulong value) => Add(type, BitConverter.GetBytes(value));

    public AttributeTemplate Add(CKA type, string value) => Add(type, Encoding.UTF8.GetBytes(value));
}
