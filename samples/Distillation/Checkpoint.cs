using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSdk.Modeling;
using static TorchSharp.torch;

namespace EdgeSdk.Distillation;

/// <summary>A model's folder in Hugging Face's names and layout, in bfloat16.</summary>
internal static class Checkpoint
{
    private static readonly JsonSerializerOptions s_readable = new() { WriteIndented = true };

    /// <summary>Writes the weights and the configurations; the tokenizer's files are put there by <see cref="CopyTokenizer"/>.</summary>
    public static void Write(string folder, LanguageModel model)
    {
        Directory.CreateDirectory(folder);
        WriteJson(Path.Combine(folder, "config.json"), model.Config);
        WriteJson(Path.Combine(folder, "generation_config.json"), new JsonObject
        {
            ["eos_token_id"] = Vocabulary.End,
            ["pad_token_id"] = Vocabulary.Pad,
        });
        using var scope = NewDisposeScope();
        TensorFile.Write(Path.Combine(folder, "model.safetensors"), model.Export(), SafetensorsType.BF16);
    }

    /// <summary>Puts the tokenizer's files and the chat template into a model's folder.</summary>
    public static void CopyTokenizer(string from, string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (string name in (string[])["tokenizer.json", "tokenizer_config.json", "chat_template.jinja"])
            File.Copy(Path.Combine(from, name), Path.Combine(folder, name), overwrite: true);
    }

    /// <summary>Takes weights from a folder that <see cref="Write"/> made for a model of the same shape; what only the file has stays there.</summary>
    /// <param name="partly">Whether what only the model has keeps its value; else it is an error.</param>
    public static void Load(string folder, LanguageModel model, bool partly = false)
    {
        Dictionary<string, Tensor> tensors = TensorFile.Read(Path.Combine(folder, "model.safetensors")).Tensors;
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        foreach ((string name, Tensor own) in model.Export())
        {
            // Exported tensors share their memory with the model's: parts of the stacked experts are views.
            if (tensors.TryGetValue(name, out Tensor? read)) own.copy_(read);
            else if (!partly) throw new EdgeException(EdgeErrorCode.InvalidModel, $"{folder}/model.safetensors has no '{name}'. Train the model anew.");
        }

        foreach (Tensor tensor in tensors.Values) tensor.Dispose();
    }

    /// <summary>Writes beside and renames.</summary>
    public static void WriteJson(string path, JsonObject content)
    {
        File.WriteAllText(path + ".partial", content.ToJsonString(s_readable) + "\n");
        File.Move(path + ".partial", path, overwrite: true);
    }
}
